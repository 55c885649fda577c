using System.Buffers.Binary;
using Azure;
using Azure.Data.Tables;

namespace Weir.Batches;

/// <summary>How one item stands, in one of its runs.</summary>
/// <param name="Run">0 for the first, n after the n-th replay.</param>
internal readonly record struct ItemEnd(int Index, int Run, ItemState State)
{
    /// <summary>
    /// Whether this says more than what is known: a later run, or the end of the same one. So an end that is reported twice, or late, or out of order
    /// changes nothing, and no counter can drift: the counts are the sum of what stands here.
    /// </summary>
    public bool IsNewerThan(ItemEnd known) => Run > known.Run || (Run == known.Run && known.State == ItemState.Pending && State != ItemState.Pending);
}

/// <summary>
/// The row "shard-00" of a batch: how the items of this share stand, five bytes each, in the order of their index. An item that nobody has told of is
/// pending and has no entry. Written only as it was read (ETag).
/// </summary>
internal sealed class BatchShard(int number, IReadOnlyDictionary<int, ItemEnd> items, ETag? etag)
{
    public const string RowPrefix = "shard-";

    private const string Items = "Items";
    private const int Size = 5;

    public int Number => number;

    public ETag? ETag => etag;

    public IEnumerable<ItemEnd> Ends => items.Values;

    /// <summary>How many of its items, of those below <paramref name="total"/>, have ended.</summary>
    public int EndedBelow(int total) => items.Values.Count(item => item.State != ItemState.Pending && item.Index < total);

    public ItemEnd Of(int index) => items.TryGetValue(index, out var item) ? item : new ItemEnd(index, 0, ItemState.Pending);

    public static BatchShard Empty(int number) => new(number, new Dictionary<int, ItemEnd>(), etag: null);

    /// <summary>The shard with what is new in some ends; null when nothing is.</summary>
    public BatchShard? With(IEnumerable<ItemEnd> ends)
    {
        Dictionary<int, ItemEnd>? changed = null;
        foreach (var end in ends)
        {
            var current = changed is not null && changed.TryGetValue(end.Index, out var now) ? now : Of(end.Index);
            if (!end.IsNewerThan(current))
                continue;
            changed ??= new Dictionary<int, ItemEnd>(items);
            changed[end.Index] = end;
        }
        return changed is null ? null : new BatchShard(number, changed, etag);
    }

    public BatchShard Written(ETag written) => new(number, items, written);

    public TableEntity ToRow(string batchId)
    {
        var bytes = new byte[items.Count * Size];
        var next = bytes.AsSpan();
        foreach (var item in items.Values.OrderBy(item => item.Index))
        {
            BinaryPrimitives.WriteUInt16BigEndian(next, (ushort)item.Index);
            BinaryPrimitives.WriteUInt16BigEndian(next[2..], (ushort)Math.Min(item.Run, ushort.MaxValue));
            next[4] = (byte)item.State;
            next = next[Size..];
        }
        return new TableEntity(batchId, $"{RowPrefix}{number:00}") { [Items] = bytes };
    }

    public static BatchShard Of(TableEntity row)
    {
        var bytes = row.GetBinary(Items) ?? [];
        var items = new Dictionary<int, ItemEnd>(bytes.Length / Size);
        for (var next = bytes.AsSpan(); next.Length >= Size; next = next[Size..])
        {
            var item = new ItemEnd(BinaryPrimitives.ReadUInt16BigEndian(next), BinaryPrimitives.ReadUInt16BigEndian(next[2..]), (ItemState)next[4]);
            items[item.Index] = item;
        }
        return new BatchShard(int.Parse(row.RowKey.AsSpan(RowPrefix.Length), System.Globalization.CultureInfo.InvariantCulture), items, row.ETag);
    }
}
