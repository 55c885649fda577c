using System.Buffers.Binary;
using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Model;

/// <summary>The counts of a batch are exact: the end of an item's run is counted once, and never replaced by that of an earlier run.</summary>
internal sealed class BatchCountRules
{
    public const string Table = "Batches";

    private const string ShardPrefix = "shard-";

    /// <summary>An item's index and run, big endian, and its state: five bytes.</summary>
    private const int Size = 5;

    private const byte Pending = 1;

    private readonly Dictionary<(string Batch, int Index), (int Run, byte State)> items = [];

    public void Written(WorldState world, EntityChange change)
    {
        if (!change.RowKey.StartsWith(ShardPrefix, StringComparison.Ordinal) || change.Entity?.GetBinary("Items") is not { } bytes)
            return;
        for (var next = bytes.AsSpan(); next.Length >= Size; next = next[Size..])
        {
            int index = BinaryPrimitives.ReadUInt16BigEndian(next), run = BinaryPrimitives.ReadUInt16BigEndian(next[2..]);
            var (key, now) = ((change.PartitionKey, index), (Run: run, State: next[4]));
            if (items.TryGetValue(key, out var before) && (now.Run < before.Run || (now.Run == before.Run && before.State != Pending && now.State != before.State)))
                world.Observer.Break("batches", $"item {index} of batch {change.PartitionKey} was counted as {before.State} in run {before.Run}, and then as {now.State} in run {now.Run}", change.PartitionKey);
            items[key] = now;
        }
    }
}
