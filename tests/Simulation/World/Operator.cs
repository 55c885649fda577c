using System.Text.Json;

namespace Simulation.World;

/// <summary>Looks into the catalogue of dead letters from time to time; mends, replays or discards what is there, more than once if nobody answers.</summary>
internal sealed class Operator(WorldState world, Random chance)
{
    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(5, 40)));
            foreach (var id in await OpenAsync())
            {
                if (!over.IsCancellationRequested)
                    await HandleAsync(id);
            }
        }
    }

    private async Task<string[]> OpenAsync()
    {
        var reply = await gateway.CallAsync("ListDeadLetters", "GET", "/api/dead-letters", query: "?state=open");
        return reply is { Status: 200 }
            ? [.. JsonElement.Parse(reply.Body).GetProperty("deadLetters").EnumerateArray().Select(entry => entry.GetProperty("id").GetString()!)]
            : [];
    }

    private Task HandleAsync(string id) => chance.Next(6) switch
    {
        0 => Task.CompletedTask,
        1 => DiscardAsync(id),
        2 => Task.WhenAll(ReplayAsync(id), ReplayAsync(id)),
        3 => ReplayAsync(id, Mended(id)),
        _ => ReplayAsync(id),
    };

    private async Task ReplayAsync(string id, Work? mended = null)
    {
        var known = world.Observer.Cases.Find(one => one.Ids.Contains(id));
        if (mended is not null)
            known?.Mended.Add(mended);
        var reply = await gateway.CallAsync(
            "ReplayDeadLetter", "POST", $"/api/dead-letters/{id}/replay", mended is null ? "{}" : JsonSerializer.Serialize(new { payload = mended }, JsonSerializerOptions.Web), route: [("id", id)]);
        if (mended is not null && reply is { Status: 202 } && JsonElement.Parse(reply.Body) is var view && view.GetProperty("started").GetBoolean())
            known?.PayloadOfRun[view.GetProperty("run").GetInt32()] = mended;
    }

    private Task DiscardAsync(string id) => gateway.CallAsync("DiscardDeadLetter", "DELETE", $"/api/dead-letters/{id}", query: "?reason=given%20up", route: [("id", id)]);

    private Work? Mended(string id) => world.Observer.Cases.Find(known => known.Ids.Contains(id)) is { } known ? known.Work with { FailTimes = 0 } : null;
}
