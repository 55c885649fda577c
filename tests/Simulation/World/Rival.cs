using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Submits jobs under unique keys that others want too.</summary>
internal sealed class Rival(WorldState world, int number, Random chance)
{
    private const int MostTries = 5;
    private const string Tenant = "tenant0";

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        for (var job = 0; job < 5; job++)
        {
            var known = Draw();
            world.Observer.Cases.Add(known);
            known.SentAt = world.Now;
            for (var tries = 0; tries < (known.IdempotencyKey is null ? 1 : MostTries) && !await SendAsync(known); tries++)
                await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(1, 8)));
            if (chance.Next(3) > 0)
                await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(6_000)));
        }
    }

    private JobCase Draw()
    {
        var next = world.Observer.Cases.Count + 1;
        var mode = chance.Next(4) switch { 0 => "returnExisting", 1 => "reject", 2 => "keepLastIfActive", _ => UniqueRules.MayRunBeside };
        var stays = mode is "returnExisting" or "reject" && chance.Next(4) == 0 ? TimeSpan.FromSeconds(chance.Next(1, 20)) : TimeSpan.Zero;
        var work = new Work(next, Effects: chance.Next(2), FailTimes: chance.Next(4) == 0 ? chance.Next(1, 6) : 0, SleepMs: chance.Next(2) == 0 ? chance.Next(4_000) : 0);
        return new JobCase(next, "sim.plain", Tenant, work)
        {
            IdempotencyKey = chance.Next(3) > 0 ? string.Create(CultureInfo.InvariantCulture, $"rival-{number}-{next}") : null,
            // Those that may run beside each other have a key of their own, for of the others only one may run.
            Unique = (mode == UniqueRules.MayRunBeside || chance.Next(4) == 0 ? "many" : "solo", mode, stays),
            Delay = chance.Next(3) == 0 ? TimeSpan.FromSeconds(chance.Next(1, 15)) : null,
        };
    }

    /// <returns>Whether somebody answered.</returns>
    private async Task<bool> SendAsync(JobCase known)
    {
        var (key, mode, stays) = known.Unique!.Value;
        var body = JsonSerializer.Serialize(
            new
            {
                type = known.Type, payload = known.Work,
                unique = new { key, mode, @for = stays > TimeSpan.Zero ? string.Create(CultureInfo.InvariantCulture, $"PT{stays.TotalSeconds:0}S") : null },
                delay = known.Delay is { } delay ? string.Create(CultureInfo.InvariantCulture, $"PT{delay.TotalSeconds:0}S") : null,
            },
            JsonSerializerOptions.Web);
        var sentAt = world.Now;
        (string, string)[] headers = [("Weir-Tenant", Tenant), .. known.IdempotencyKey is { } once ? [("Idempotency-Key", once)] : Array.Empty<(string, string)>()];
        if (await gateway.CallAsync("SubmitJob", "POST", "/api/jobs", body, headers: headers) is not { Status: < 500 and not 429 } reply)
            return false;
        var view = JsonElement.Parse(reply.Body);
        if (reply.Status is 200 or 202 && view.TryGetProperty("existing", out var existing) && existing.GetBoolean())
            UniqueRules.CheckHolder(world, known, view.GetProperty("id").GetString()!, sentAt);
        else if (reply.Status == 202)
            known.Ids.Add(view.GetProperty("id").GetString()!);
        else if (reply.Status == 409 && mode == "reject")
            UniqueRules.CheckHolder(world, known, view.GetProperty("jobId").GetString()!, sentAt);
        else
            world.Observer.Break("unique", $"{known} was answered with {reply}");
        return true;
    }
}
