using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Submits jobs in surges, many at once, under a rate and a quota, and repeats what was refused or not answered.</summary>
internal sealed class LimitedClient(WorldState world, Random chance)
{
    /// <summary>Longer than anything goes wrong, and than it takes until its own jobs have made room.</summary>
    private const int MostTries = 150;

    private const string Key = "key-surge";

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        for (var surge = 0; surge < 2; surge++)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(10_000)));
            var jobs = Enumerable.Range(0, 10 + chance.Next(15)).Select(_ => SubmitAsync(Draw())).ToArray();
            // One after the other: otherwise there is no order to keep.
            for (var place = 0; place < 4; place++)
                await SubmitAsync(Draw(inOrder: true));
            await Task.WhenAll(jobs);
        }
    }

    private JobCase Draw(bool inOrder = false)
    {
        var next = world.Observer.Cases.Count + 1;
        var type = inOrder ? "sim.strict" : chance.Next(8) switch { < 5 => RateRules.Type, 5 => "sim.plain", 6 => "sim.least", _ => "sim.most" };
        var known = new JobCase(next, type, inOrder || chance.Next(3) > 0 ? RateRules.Tenant : "tenant0", new Work(next, Effects: chance.Next(2), FailTimes: chance.Next(4) == 0 ? chance.Next(1, 4) : 0))
        {
            IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"surge-{next}"),
            Order = inOrder ? (Key, world.Observer.Cases.Count(other => other.Order?.Key == Key)) : null,
        };
        world.Observer.Cases.Add(known);
        return known;
    }

    private async Task SubmitAsync(JobCase known)
    {
        known.SentAt = world.Now;
        for (var tries = 0; tries < MostTries && !await SendAsync(known); tries++)
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(1_000, 8_000)));
    }

    private async Task<bool> SendAsync(JobCase known)
    {
        var body = JsonSerializer.Serialize(new { type = known.Type, payload = known.Work, orderingKey = known.Order?.Key }, JsonSerializerOptions.Web);
        if (await gateway.CallAsync("SubmitJob", "POST", "/api/jobs", body, headers: [("Weir-Tenant", known.Tenant), ("Idempotency-Key", known.IdempotencyKey!)]) is not { } reply)
            return false;
        if (reply.Status == 202)
        {
            known.Ids.Add(JsonElement.Parse(reply.Body).GetProperty("id").GetString()!);
            return true;
        }
        var code = reply is { Status: 429, Body.Length: > 0 } ? JsonElement.Parse(reply.Body).GetProperty("code").GetString() : null;
        var isBusy = reply.Status == 429 && (code is null or "underPressure"); // without a body somebody before Weir has answered
        if (reply.Status < 500 && !isBusy && !(code == "quotaExceeded" && known.Tenant == RateRules.Tenant))
            world.Observer.Break("submission", $"{known} was answered with {reply.Status}: {reply.Body}");
        return false;
    }
}
