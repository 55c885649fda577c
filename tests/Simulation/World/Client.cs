using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Submits jobs of every kind, one after the other, and repeats what was not answered; now and then it cancels one.</summary>
internal sealed class Client(WorldState world, int number, Random chance)
{
    private const int MostTries = 6;

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        for (var job = 0; job < world.Settings.JobsOfAClient; job++)
        {
            var known = Draw();
            world.Observer.Cases.Add(known);
            known.SentAt = world.Now;
            await SubmitAsync(known);
            if (chance.Next(12) == 0)
                await CancelAsync(known);
            if (chance.Next(4) == 0)
                await SubmitAgainAsync(known);
            if (chance.Next(3) == 0)
                await world.Outside.DelayAsync(world.Settings.Chaos * 1.2 / world.Settings.JobsOfAClient * chance.NextDouble());
        }
    }

    private JobCase Draw()
    {
        var next = world.Observer.Cases.Count + 1;
        var type = chance.Next(10) switch { < 4 => "sim.plain", 4 => "sim.least", 5 => "sim.most", < 8 => "sim.strict", 8 => "sim.depends", _ => "sim.critical" };
        var fails = chance.Next(4) == 0;
        var work = new Work(
            next, Effects: chance.Next(3), FailTimes: fails ? chance.Next(1, 7) : 0,
            FailAs: chance.Next(6) switch { 0 => "permanent", 1 => "unknown", 2 => "retryAfter", _ => "transient" },
            SleepMs: chance.Next(3) == 0 ? chance.Next(chance.Next(5) == 0 ? 20_000 : 1_500) : 0,
            Children: type == "sim.plain" && chance.Next(6) == 0 ? chance.Next(1, 3) : 0,
            Stubborn: chance.Next(15) == 0);
        // One client to a key, so that each submission follows the answer to the one before: otherwise there is no order to keep.
        var key = type == "sim.strict" ? string.Create(CultureInfo.InvariantCulture, $"key-{number}-{chance.Next(world.Settings.StrictKeys)}") : null;
        var tenant = string.Create(CultureInfo.InvariantCulture, $"tenant{number % world.Settings.Tenants}");
        TimeSpan? delay = key is not null ? null
            : world.Settings.IsPatient && number == 0 && world.Observer.Cases.Count == 0 ? TimeSpan.FromSeconds(420)
            : chance.Next(8) == 0 ? TimeSpan.FromSeconds(chance.Next(1, 60)) : null;
        return new JobCase(next, type, tenant, work)
        {
            // The same keys for each tenant, whose jobs are others.
            IdempotencyKey = type == "sim.strict" || chance.Next(5) > 0 ? string.Create(CultureInfo.InvariantCulture, $"request-{world.Observer.Cases.Count(other => other.Tenant == tenant)}") : null,
            Order = key is null ? null : (key, world.Observer.Cases.Count(other => other.Order?.Key == key)),
            Delay = delay,
            ExpiresIn = chance.Next(10) == 0 ? (delay ?? TimeSpan.Zero) + TimeSpan.FromSeconds(chance.Next(1, chance.Next(2) == 0 ? 15 : 150)) : null,
        };
    }

    /// <summary>With a key until somebody answers; without one it may be sent once only.</summary>
    private async Task SubmitAsync(JobCase known)
    {
        for (var tries = 0; tries < (known.IdempotencyKey is null ? 1 : MostTries) && known.Ids.Count == 0; tries++)
        {
            if (tries > 0)
                await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(1, 8)));
            await SendAsync(known);
        }
    }

    /// <summary>As a client does that has forgotten it was answered. The same job is the only right answer.</summary>
    private async Task SubmitAgainAsync(JobCase known)
    {
        if (known.IdempotencyKey is null || known.Ids.Count == 0)
            return;
        await Task.WhenAll(SendAsync(known), SendAsync(known));
        if (known.Ids.Count > 1)
            world.Observer.Break("I4", $"{known} has {known.Ids.Count} ids for one key", [.. known.Ids]);
    }

    private async Task SendAsync(JobCase known)
    {
        var body = JsonSerializer.Serialize(
            new
            {
                type = known.Type,
                payload = known.Work,
                orderingKey = known.Order?.Key,
                delay = known.Delay is { } delay ? string.Create(CultureInfo.InvariantCulture, $"PT{delay.TotalSeconds:0}S") : null,
                expiresIn = known.ExpiresIn is { } life ? string.Create(CultureInfo.InvariantCulture, $"PT{life.TotalSeconds:0}S") : null,
                callbackUrl = Listening.CallbackOf(world, known),
            },
            JsonSerializerOptions.Web);
        (string, string)[] headers = known.IdempotencyKey is { } key ? [("Weir-Tenant", known.Tenant), ("Idempotency-Key", key)] : [("Weir-Tenant", known.Tenant)];
        if (await gateway.CallAsync("SubmitJob", "POST", "/api/jobs", body, headers: headers) is not { } reply)
            return;
        if (reply.Status == 202)
            known.Ids.Add(JsonElement.Parse(reply.Body).GetProperty("id").GetString()!);
        else if (reply.Status is >= 400 and < 500 and not 429)
            world.Observer.Break("submission", $"{known} was answered with {reply.Status}: {reply.Body}");
    }

    private async Task CancelAsync(JobCase known)
    {
        if (known.Ids.Count != 1)
            return;
        await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(3_000)));
        var id = known.Ids.First();
        var reply = await gateway.CallAsync("CancelJob", "DELETE", $"/api/jobs/{id}", headers: [("Weir-Tenant", known.Tenant)], route: [("id", id)]);
        if (reply is not { Status: 202 })
            return;
        known.CancelAccepted = true;
        if (JsonElement.Parse(reply.Body).GetProperty("state").GetString() == "cancelled")
            known.IsCancelled = true;
        else
            known.CancelAskedAt ??= world.Now;
    }
}
