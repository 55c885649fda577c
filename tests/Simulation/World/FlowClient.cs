using System.Globalization;
using System.Text.Json;
using Simulation.Model;

namespace Simulation.World;

/// <summary>Submits workflows of every shape, sends their events (early, late, twice or never), and cancels some.</summary>
internal sealed class FlowClient(WorldState world, Random chance)
{
    private const string Tenant = "tenant0";
    private const int MostTries = 6;

    private readonly Gateway gateway = new(world, new Random(chance.Next()));

    public async Task RunAsync()
    {
        for (var flows = 1 + chance.Next(4); flows > 0; flows--)
        {
            var known = Draw();
            await SubmitAsync(known);
            await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(0, 20)));
            if (known.Flow!.WaitAt > 0 && chance.Next(4) > 0)
                await SendEventAsync(known);
            if (chance.Next(6) == 0)
                await CancelAsync(known);
        }
    }

    private JobCase Draw()
    {
        var next = world.Observer.Cases.Count + 1;
        var steps = 1 + chance.Next(5);
        var fails = chance.Next(2) == 0;
        var flow = new Flow(
            next, steps, FailAt: fails ? 1 + chance.Next(steps) : 0, FailTimes: chance.Next(3) == 0 ? chance.Next(1, 3) : 99,
            FailUndoAt: fails && chance.Next(4) == 0 ? 1 + chance.Next(steps) : 0, Parallel: chance.Next(4) == 0, WaitAt: chance.Next(4) == 0 ? 1 + chance.Next(steps) : 0,
            SleepMs: chance.Next(3) == 0 ? chance.Next(2_000) : 0);
        var known = new JobCase(next, "sim.flow", Tenant, new Work(next)) { IdempotencyKey = string.Create(CultureInfo.InvariantCulture, $"flow-{next}"), Flow = flow, SentAt = world.Now };
        world.Observer.Cases.Add(known);
        return known;
    }

    private async Task SubmitAsync(JobCase known)
    {
        var body = JsonSerializer.Serialize(new { type = known.Type, payload = known.Flow }, JsonSerializerOptions.Web);
        for (var tries = 0; tries < MostTries && known.Ids.Count == 0; tries++)
        {
            var reply = await gateway.CallAsync("SubmitJob", "POST", "/api/jobs", body, headers: [("Weir-Tenant", Tenant), ("Idempotency-Key", known.IdempotencyKey!)]);
            if (reply is { Status: 202 })
                known.Ids.Add(JsonElement.Parse(reply.Body).GetProperty("id").GetString()!);
            else
                await world.Outside.DelayAsync(TimeSpan.FromSeconds(chance.Next(1, 8)));
        }
    }

    private async Task SendEventAsync(JobCase known)
    {
        foreach (var id in known.Ids.ToArray())
            await gateway.CallAsync("SendEvent", "POST", $"/api/jobs/{id}/events/go", "{}", headers: [("Weir-Tenant", Tenant)], route: [("id", id), ("name", "go")]);
    }

    private async Task CancelAsync(JobCase known)
    {
        foreach (var id in known.Ids.ToArray())
        {
            var reply = await gateway.CallAsync("CancelJob", "DELETE", $"/api/jobs/{id}", headers: [("Weir-Tenant", Tenant)], route: [("id", id)]);
            known.CancelAccepted |= reply is { Status: 202 };
        }
    }
}
