using System.Text.Json;

namespace Simulation.World;

/// <summary>An operator in a hurry: replays whatever a filter hits, and cancels what runs, waits or is held.</summary>
internal sealed class Clearer(WorldState world, Random chance)
{
    private static readonly string[] Filters = ["""{"all": true}""", """{"type": "sim.plain"}""", """{"tenant": "tenant0", "limit": 2}""", """{"reason": "permanent"}""", """{"all": true, "dryRun": true}"""];

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(1_000, 25_000)));
            if (chance.Next(2) == 0)
                await ReplayAsync(Filters[chance.Next(Filters.Length)]);
            else
                await CancelAsync();
        }
    }

    private async Task ReplayAsync(string filter)
    {
        if (await gateway.CallAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", filter) is not { Status: < 500 } reply)
            return;
        if (reply.Status != 200)
        {
            world.Observer.Break("replay", $"{filter} was answered with {reply}");
            return;
        }
        var counts = JsonElement.Parse(reply.Body);
        var (matched, replayed) = (counts.GetProperty("matched").GetInt32(), counts.GetProperty("replayed").GetInt32());
        var isDry = counts.GetProperty("dryRun").GetBoolean();
        var handled = replayed + counts.GetProperty("skipped").GetInt32() + counts.GetProperty("failed").GetArrayLength();
        if (handled != (isDry ? 0 : matched))
            world.Observer.Break("replay", $"{filter} matched and did other numbers: {counts}");
    }

    private async Task CancelAsync()
    {
        var open = world.Observer.Seen.Where(job => job is { IsFinal: false, IsRemoved: false } && job.Type.StartsWith("sim.", StringComparison.Ordinal)).ToArray();
        if (open.Length == 0)
            return;
        var job = open[chance.Next(open.Length)];
        job.CancelAsked = true;
        var reply = await gateway.CallAsync("CancelJob", "DELETE", $"/api/jobs/{job.Id}", headers: [("Weir-Tenant", job.Tenant)], route: [("id", job.Id)]);
        if (reply is { Status: 202 } && JsonElement.Parse(reply.Body).GetProperty("state").GetString() == "cancelled" && job.State != "Cancelled")
            world.Observer.Break("cancel", $"{job} was said to be cancelled", job.Id);
    }
}
