using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Model;

/// <summary>Long after the end: what has ended is gone, dead letters are as they were, and no table keeps rows that nobody will ever need.</summary>
internal static class RetentionRules
{
    /// <summary>Walks and sweeps come each minute or hour.</summary>
    public static async Task JudgeAsync(WorldState world, Gateway gateway, TimeSpan time)
    {
        world.Note($"{time} pass");
        await world.Outside.DelayAsync(time);
        foreach (var job in world.Observer.Seen)
        {
            var stays = job is { State: "DeadLettered" or "Expired", Discarded: false } || !job.IsFinal;
            if (job.IsRemoved == stays && job.State.Length > 0)
                world.Observer.Break("retention", $"{time} after its end {job} is {(stays ? "gone" : "still there")}", job.Id);
        }
        var kept = world.Observer.Seen.Where(job => !job.IsRemoved).Select(job => job.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var row in Rows(world, "JobIndex").Where(row => !kept.Any(id => row.RowKey.EndsWith(id, StringComparison.Ordinal))))
            world.Observer.Break("retention", $"the list keeps a line {row.PartitionKey} {row.RowKey} of nothing");
        foreach (var row in Rows(world, "Receipts").Where(row => !kept.Contains(row.PartitionKey)))
            world.Observer.Break("retention", $"{row.PartitionKey} has left its row {row.RowKey}", row.PartitionKey);
        foreach (var row in Rows(world, "Uniques"))
            world.Observer.Break("retention", $"a unique key is still taken by {row.GetString("Holder")}", row.GetString("Holder") ?? "");
        foreach (var row in Rows(world, "Batches"))
            world.Observer.Break("retention", $"a batch has left its row {row.PartitionKey} {row.RowKey}", row.PartitionKey);
        foreach (var row in Rows(world, "Schedules"))
            world.Observer.Break("retention", $"a schedule has left its row {row.RowKey}", row.RowKey);
        foreach (var row in Rows(world, "Instances").Where(row => !world.Instances.Any(instance => instance.Process.Name == row.RowKey)))
            world.Observer.Break("retention", $"the instance {row.RowKey} is gone and its row is not", row.RowKey);
        if (await ListRules.WrongDeadLettersAsync(world, gateway) is { } wrong)
            world.Observer.Break("retention", wrong.What, wrong.Names);
    }

    private static IReadOnlyList<TableEntity> Rows(WorldState world, string table)
    {
        var rows = new List<TableEntity>();
        string? next = null;
        do
        {
            // In memory a query is answered at once.
            var page = world.Tables.SendAsync(new TableCall.Query(table, null, null, null, next), CancellationToken.None).Result;
            rows.AddRange(page.Entities);
            next = page.Continuation;
        }
        while (next is not null);
        return rows;
    }
}
