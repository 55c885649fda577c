namespace Weir.Batches;

/// <summary>A batch as it stands: its row and its shards, read in one query.</summary>
internal sealed class BatchStanding(Batch batch, IReadOnlyList<BatchShard> shards)
{
    private int[]? counts;

    public Batch Batch => batch;

    public BatchShard Shard(int number) => shards[number];

    /// <summary>The last change of any count; null before the first.</summary>
    public DateTimeOffset? CountedAt { get; init; }

    public int Of(ItemState state) => (counts ??= Counts())[(int)state];

    public int Ended => Enumerable.Range((int)ItemState.Succeeded, (int)ItemState.Refused - 1).Sum(state => Of((ItemState)state));

    public int Pending => Math.Max(0, batch.Total - Ended);

    /// <summary>Every item has ended. Only an accepted batch is known to have no further ones.</summary>
    public bool IsComplete => batch.AcceptedAt is not null && Enumerable.Range(0, batch.Shards).All(HasEnded);

    /// <summary>Every item has ended, and what follows that has been done.</summary>
    public bool IsOver => IsComplete && batch.IsDone;

    /// <summary>Rounded down, so that 100 is said only when nothing is left.</summary>
    public double Percent => batch.Total == 0 ? 0 : Math.Floor(1_000.0 * Ended / batch.Total) / 10;

    public bool IsShardComplete(int shard) => batch.AcceptedAt is not null && HasEnded(shard);

    public ItemEnd ItemOf(int index) => shards[BatchItem.ShardOf(new BatchItem(batch.Id, index).JobIdIn(batch.Tenant), batch.Shards)].Of(index);

    /// <summary>The items that have an entry, in their order.</summary>
    public IEnumerable<ItemEnd> Known => shards.SelectMany(shard => shard.Ends).Where(item => batch.AcceptedAt is null || item.Index < batch.Total).OrderBy(item => item.Index);

    public BatchStanding With(IEnumerable<BatchShard> changed)
    {
        var next = shards.ToArray();
        foreach (var shard in changed)
            next[shard.Number] = shard;
        return new BatchStanding(batch, next) { CountedAt = CountedAt };
    }

    private bool HasEnded(int shard) => shards[shard].EndedBelow(batch.Total) >= batch.ExpectedIn(shard);

    private int[] Counts()
    {
        var counted = new int[(int)ItemState.Refused + 1];
        foreach (var item in Known)
            counted[(int)item.State]++;
        return counted;
    }
}
