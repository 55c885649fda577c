using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Submits many jobs in one request, with some that are none among them, and sends it again until each has its answer.</summary>
internal sealed class BulkClient(WorldState world, int number, Random chance)
{
    private const string Tenant = "tenant0";

    /// <summary>Longer than anything goes wrong.</summary>
    private const int MostTries = 150;

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        for (var request = 0; request < 2; request++)
        {
            await world.Outside.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(20_000)));
            var items = Enumerable.Range(0, 2 + chance.Next(6)).Select(_ => Draw()).ToArray();
            var body = JsonSerializer.Serialize(items.Select(item => new { type = item.Type, payload = item.Work, idempotencyKey = item.IdempotencyKey }), JsonSerializerOptions.Web);
            for (var tries = 0; tries < MostTries && !await SendAsync(items, body); tries++)
                await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(1, 8)));
        }
    }

    private JobCase Draw()
    {
        var next = world.Observer.Cases.Count + 1;
        var type = chance.Next(6) switch { < 3 => "sim.plain", 3 => "sim.least", 4 => "sim.critical", _ => "sim.unheard" };
        var known = new JobCase(next, type, Tenant, new Work(next, Effects: chance.Next(2), FailTimes: chance.Next(5) == 0 ? 1 : 0))
        {
            IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"bulk-{number}-{next}"),
            SentAt = world.Now,
        };
        world.Observer.Cases.Add(known);
        return known;
    }

    /// <returns>Whether every item has its answer.</returns>
    private async Task<bool> SendAsync(JobCase[] items, string body)
    {
        if (await gateway.CallAsync("SubmitJobs", "POST", "/api/jobs/bulk", body, headers: [("Weir-Tenant", Tenant)]) is not { Status: 200 } reply)
            return false;
        var isDone = true;
        foreach (var (known, result) in items.Zip(JsonElement.Parse(reply.Body).GetProperty("results").EnumerateArray()))
        {
            var status = result.GetProperty("status").GetInt32();
            if (status == 202)
                known.Ids.Add(result.GetProperty("id").GetString()!);
            if ((status == 422) != (known.Type == "sim.unheard") && status != 503)
                world.Observer.Break("submission", $"{known} was answered with {result} in a bulk");
            isDone &= status != 503;
            if (known.Ids.Count > 1)
                world.Observer.Break("I4", $"{known} has {known.Ids.Count} ids for one key", [.. known.Ids]);
        }
        return isDone;
    }
}
