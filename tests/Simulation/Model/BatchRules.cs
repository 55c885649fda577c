using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>Batches: whole when accepted, counted exactly, told once of their end.</summary>
internal static class BatchRules
{
    public const string CompletionType = "sim.total";

    /// <summary>The end of an item that had no message is counted by the sweep, after ten minutes without a count.</summary>
    private const int MostLooks = 60;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(15);

    /// <summary>At the moment of the 202.</summary>
    public static void CheckAccepted(WorldState world, BatchCase batch, JsonElement answer)
    {
        var items = ItemsOf(world, batch).ToHashSet();
        for (var index = 0; index < batch.Sound.Count; index++)
        {
            if (items.Contains(batch.ItemOf(index)) != batch.Sound[index])
                world.Observer.Break("batches", $"{batch} was accepted, and item {index} is {(batch.Sound[index] ? "no job" : "one though it was to be refused")}", batch.Id!);
        }
        if (answer.GetProperty("total").GetInt32() != batch.Sound.Count || answer.GetProperty("refused").GetInt32() != batch.Refused)
            world.Observer.Break("batches", $"{batch} has {batch.Refused} bad items, and was answered with {answer}", batch.Id!);
    }

    /// <summary>A completion job is made: every item must have ended by now.</summary>
    public static void CheckCompletion(WorldState world, SeenJob completion)
    {
        if (world.Observer.Batches.Find(batch => batch.Id == completion.CorrelationId) is not { } known)
            return;
        if (world.Observer.Seen.FirstOrDefault(job => IsOf(job, known) && job.Ends.Count == 0) is { } open)
            world.Observer.Break("batches", $"the completion job of {known} is there before {open} has ended", completion.Id, open.Id);
    }

    public static async Task JudgeAsync(WorldState world, Gateway gateway)
    {
        foreach (var batch in world.Observer.Batches.Where(batch => batch.Id is not null))
        {
            var wrong = "";
            for (var looks = 0; looks < MostLooks; looks++)
            {
                if ((wrong = await WrongAsync(world, gateway, batch)).Length == 0)
                    break;
                await world.Outside.DelayAsync(BetweenLooks);
            }
            if (wrong.Length > 0)
                world.Observer.Break("batches", $"{batch} {wrong}", batch.Id!);
            JudgeCompletion(world, batch);
        }
    }

    private static void JudgeCompletion(WorldState world, BatchCase batch)
    {
        var jobs = world.Observer.Seen.Where(job => job.Type == CompletionType && job.CorrelationId == batch.Id).ToArray();
        if (jobs.Length != (batch.HasCompletion ? 1 : 0))
            world.Observer.Break("batches", $"{batch} has {jobs.Length} completion jobs", batch.Id!);
        foreach (var summary in batch.Summaries)
        {
            var sum = summary.Succeeded + summary.DeadLettered + summary.Cancelled + summary.Expired + summary.Compensated + summary.Refused;
            if (sum != batch.Sound.Count || summary.Total != batch.Sound.Count || summary.Refused != batch.Refused || summary != batch.Summaries[0])
                world.Observer.Break("batches", $"{batch} was summed up as {summary}", batch.Id!);
        }
    }

    /// <summary>What does not agree with the receipts; empty when everything does.</summary>
    private static async Task<string> WrongAsync(WorldState world, Gateway gateway, BatchCase batch)
    {
        var reply = await gateway.CallAsync("GetBatch", "GET", $"/api/batches/{batch.Id}", headers: [("Weir-Tenant", batch.Tenant)], route: [("id", batch.Id!)]);
        if (reply is not { Status: 200 })
            return $"cannot be read: {reply?.Status}";
        var view = JsonElement.Parse(reply.Body);
        var states = world.Observer.Seen.Where(job => IsOf(job, batch)).CountBy(job => job.State).ToDictionary();
        (string Name, int Count)[] expected =
        [
            ("succeeded", states.GetValueOrDefault("Succeeded")), ("deadLettered", states.GetValueOrDefault("DeadLettered")), ("cancelled", states.GetValueOrDefault("Cancelled")),
            ("expired", states.GetValueOrDefault("Expired")), ("refused", batch.Refused), ("pending", 0),
        ];
        var counts = view.GetProperty("counts");
        foreach (var (name, count) in expected)
        {
            if (counts.GetProperty(name).GetInt32() != count)
                return $"counts {counts}, and {count} are {name}";
        }
        var state = view.GetProperty("state").GetString();
        return state == (batch.IsCancelled ? "cancelled" : "completed") || (batch.IsCancelled && state == "completed") ? "" : $"is {state} when all is over";
    }

    private static bool IsOf(SeenJob job, BatchCase batch) => job.Batch is { } item && item.StartsWith(batch.Id!, StringComparison.Ordinal) && item[batch.Id!.Length] == ':';

    private static IEnumerable<string> ItemsOf(WorldState world, BatchCase batch) => world.Observer.Seen.Where(job => IsOf(job, batch)).Select(job => job.Batch!);
}
