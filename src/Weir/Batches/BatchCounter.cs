using Weir.Execution;

namespace Weir.Batches;

/// <summary>
/// Counts how items end, exactly: an end is written into the item's place in its shard, before the item's message is settled. A crash before that brings
/// the message and the end back, and an end that is there already changes nothing. The ends that come while one write is under way go together in the next: one
/// transaction for all of a batch, so that an item costs a fraction of an operation. What was written last is remembered, so that no write needs a read before it.
/// </summary>
internal sealed class BatchCounter(BatchTable table, BatchCompletion completion, KillPoints kill, TimeProvider clock, Random chance)
{
    /// <summary>Of some instances that write one shard at the same time, each time one gets on; they seldom share one.</summary>
    private const int MaxTries = 40;

    /// <summary>Batches whose counts are remembered; of each up to 50 kB.</summary>
    private const int MostKnown = 256;

    private readonly Lock guard = new();
    private readonly Dictionary<string, Tally> tallies = new(StringComparer.Ordinal);
    private long uses;

    /// <summary>Counts the end of an item's run. Returns when it is durable, and what follows a batch's last end is under way.</summary>
    public Task CountAsync(BatchItem item, int run, JobState state, CancellationToken cancellation) =>
        CountAsync(item.BatchId, [new ItemEnd(item.Index, run, ItemStates.Of(state))], cancellation);

    /// <summary>A further run of an item begins: it is pending again. To be done before that run can end.</summary>
    public Task BeginAgainAsync(BatchItem item, int run, CancellationToken cancellation) =>
        CountAsync(item.BatchId, [new ItemEnd(item.Index, run, ItemState.Pending)], cancellation);

    public async Task CountAsync(string batchId, IReadOnlyList<ItemEnd> ends, CancellationToken cancellation)
    {
        if (ends.Count == 0)
            return;
        Tally tally;
        Task written;
        var begins = false;
        lock (guard)
        {
            tally = TallyOf(batchId);
            tally.Waiting.AddRange(ends);
            written = tally.Written.Task;
            if (!tally.IsWriting)
                begins = tally.IsWriting = true;
        }
        if (begins)
            _ = WriteAllAsync(batchId, tally); // it tells its failures to those who wait
        await written.WaitAsync(cancellation);
    }

    private async Task WriteAllAsync(string batchId, Tally tally)
    {
        while (true)
        {
            ItemEnd[] ends;
            TaskCompletionSource written;
            lock (guard)
            {
                if (tally.Waiting.Count == 0)
                {
                    tally.IsWriting = false;
                    return;
                }
                (ends, written) = ([.. tally.Waiting], tally.Written);
                tally.Waiting.Clear();
                tally.Written = NewSignal();
            }
            try
            {
                await WriteAsync(batchId, tally, ends);
                written.SetResult();
            }
            catch (Exception failure)
            {
                tally.Known = null;
                written.SetException(failure);
            }
        }
    }

    private async Task WriteAsync(string batchId, Tally tally, ItemEnd[] ends)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if ((tally.Known ?? await table.ReadAsync(batchId, CancellationToken.None)) is not { } known)
                return; // removed since, by retention
            var shards = ends.GroupBy(end => BatchItem.ShardOf(new BatchItem(batchId, end.Index).JobIdIn(known.Batch.Tenant), known.Batch.Shards)).OrderBy(shard => shard.Key).ToArray();
            var changed = shards.Select(shard => known.Shard(shard.Key).With(shard)).OfType<BatchShard>().ToArray();
            if (changed.Length > 0)
            {
                if (await table.WriteAsync(batchId, changed, CancellationToken.None) is not { } current)
                {
                    tally.Known = null;
                    if (tries > 1)
                        await Task.Delay(TimeSpan.FromMilliseconds(chance.Next(1, 20)), clock, CancellationToken.None);
                    continue;
                }
                known = known.With(current);
            }
            kill.Pass(KillPoints.AfterBatchCounted);
            tally.Known = await AfterWriteAsync(known, [.. shards.Select(shard => shard.Key)]);
            return;
        }
        throw new TimeoutException($"The counts of batch {batchId} changed {MaxTries} times while {ends.Length} ends were to be written.");
    }

    /// <summary>
    /// Whoever writes the last end of a shard looks at all of them: of those who write the last ends of two shards at once, the later one sees both. Asked
    /// whether or not something was new, because a crash may have come between the write and this.
    /// </summary>
    private async Task<BatchStanding?> AfterWriteAsync(BatchStanding known, int[] shards)
    {
        // It may have been accepted since it was read; once it is, how many items it has never changes.
        if (known.Batch.AcceptedAt is null && await table.ReadAsync(known.Batch.Id, CancellationToken.None) is { } read)
            known = read;
        if (known.Batch.IsDone || !shards.Any(known.IsShardComplete))
            return known;
        return await completion.FinishIfCompleteAsync(known.Batch.Id, CancellationToken.None);
    }

    private Tally TallyOf(string batchId)
    {
        if (!tallies.TryGetValue(batchId, out var tally))
        {
            if (tallies.Count >= MostKnown && tallies.Where(one => !one.Value.IsWriting).OrderBy(one => one.Value.LastUse).Select(one => one.Key).FirstOrDefault() is { } oldest)
                tallies.Remove(oldest);
            tallies[batchId] = tally = new Tally();
        }
        tally.LastUse = ++uses;
        return tally;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Tally
    {
        public List<ItemEnd> Waiting { get; } = [];

        public TaskCompletionSource Written { get; set; } = NewSignal();

        public bool IsWriting { get; set; }

        public BatchStanding? Known { get; set; }

        public long LastUse { get; set; }
    }
}
