using System.Globalization;
using System.Text.Json;

namespace Simulation.World;

/// <summary>A careful operator: plans and begins staged replays, stops some, resumes others, and waits for their ends.</summary>
internal sealed class Restorer(WorldState world, Random chance)
{
    private static readonly string[] Filters = ["""{"all": true""", """{"type": "sim.plain" """, """{"type": "sim.strict" """, """{"reason": "permanent" """, """{"reason": "expired" """, """{"tenant": "tenant0" """];
    private static readonly string[] Stages = ["[1, 2, 4]", "[1, 10, 100]", "[2]", "[5, 1]", "true"];
    private static readonly string[] Bounds = ["0", "0.1", "0.3", "0.5", "1"];

    /// <summary>Several times what the jobs of a world need.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(1_000, 25_000)));
            if (chance.Next(3) > 0)
                await BeginAsync();
            else
                await TurnAsync();
        }
        await UntilAllAreOverAsync();
    }

    private async Task BeginAsync()
    {
        var timeout = chance.Next(5, 120);
        var body = string.Create(CultureInfo.InvariantCulture,
            $$"""{{Filters[chance.Next(Filters.Length)]}}, "stages": {{Stages[chance.Next(Stages.Length)]}}, "rate": {{chance.Next(1, 20)}}, "stopAtFailureRate": {{Bounds[chance.Next(Bounds.Length)]}}, "stageTimeout": "PT{{timeout}}S", "dryRun": {{(chance.Next(6) == 0 ? "true" : "false")}}}""");
        if (await gateway.CallAsync("ReplayDeadLetters", "POST", "/api/dead-letters/replay", body) is { Status: < 500 and not (200 or 202 or 409) } reply)
            world.Observer.Break("stages", $"{body} was answered with {reply}");
    }

    /// <summary>Stops one that runs, or resumes one that was stopped.</summary>
    private async Task TurnAsync()
    {
        var all = await ListAsync();
        if (all.Length == 0)
            return;
        var one = all[chance.Next(all.Length)];
        var (id, verb) = (one.GetProperty("id").GetString()!, one.GetProperty("state").GetString() == "running" ? "stop" : "resume");
        if (await gateway.CallAsync(verb == "stop" ? "StopReplay" : "ResumeReplay", "POST", $"/api/replays/{id}/{verb}", """{"why": "to see what happens"}""", route: [("id", id)]) is { Status: < 500 and not (200 or 409) } reply)
            world.Observer.Break("stages", $"the staged replay {id} was told to {verb}, and the answer was {reply}");
    }

    /// <summary>A promise: it ends by itself, or stops and says why.</summary>
    private async Task UntilAllAreOverAsync()
    {
        await world.Outside.DelayAsync(TimeSpan.FromMinutes(1)); // what was asked for last may still be on its way
        for (var until = world.Now + Patience; ;)
        {
            var running = (await ListAsync()).Where(one => one.GetProperty("state").GetString() == "running").ToArray();
            if (running.Length == 0)
                return;
            if (world.Now > until)
            {
                world.Observer.Break("stages", $"{Patience} after everything this staged replay still runs: {running[0]}", running[0].GetProperty("id").GetString()!);
                return;
            }
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(5));
        }
    }

    private async Task<JsonElement[]> ListAsync() =>
        await gateway.InsistAsync("ListReplays", "GET", "/api/replays", query: "?limit=100") is { Reply: { Status: 200 } reply } ? [.. JsonElement.Parse(reply.Body).GetProperty("replays").EnumerateArray()] : [];
}
