using System.Globalization;
using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>What arrived at those who asked to be told: webhooks, and events of the topic.</summary>
internal sealed class Callbacks
{
    /// <summary>What a crash has cut off of an end is found by the reconciler, some ten minutes later.</summary>
    private const int MostLooks = 80;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(15);

    private readonly SortedDictionary<string, string> delivered = new(StringComparer.Ordinal);
    private readonly HashSet<string> events = new(StringComparer.Ordinal);

    /// <summary>A webhook has arrived, whatever the answer.</summary>
    public void Arrived(WorldState world, string id, string body)
    {
        if (!delivered.TryAdd(id, body) && delivered[id] != body)
            world.Observer.Break("webhooks", $"webhook {id} came as {delivered[id]} and then as {body}", id);
    }

    public void EventArrived(string id) => events.Add(id);

    /// <summary>Each end of a job that has a callback makes one webhook, which is delivered or a dead letter that an operator sees; each end of a type that asks for it, an event.</summary>
    public async Task JudgeAsync(WorldState world)
    {
        for (var looks = 1; ; looks++)
        {
            await Listening.DrainAsync(world);
            if (Wrong(world) is not { } wrong)
                return;
            if (looks == MostLooks)
            {
                world.Observer.Break(wrong.Promise, wrong.What, wrong.Names);
                return;
            }
            await world.Outside.DelayAsync(BetweenLooks);
        }
    }

    private (string Promise, string What, string[] Names)? Wrong(WorldState world)
    {
        foreach (var job in world.Observer.Seen.Where(job => job is { IsRemoved: false, CallbackUrl: not null }))
        {
            var webhooks = world.Observer.Seen.Where(other => other.Type == "weir.webhook" && other.CorrelationId == job.Id).ToArray();
            if (webhooks.Length != job.Ends.Count)
                return ("webhooks", $"{job} has ended {job.Ends.Count} times, and {webhooks.Length} webhooks say so", [job.Id]);
            if (webhooks.Select(webhook => WrongDelivery(world, job, webhook)).FirstOrDefault(wrong => wrong is not null) is { } wrong)
                return ("webhooks", wrong, [job.Id, .. webhooks.Select(webhook => webhook.Id)]);
        }
        foreach (var job in world.Observer.Seen.Where(job => job is { IsRemoved: false, Type: "sim.plain" }))
        {
            foreach (var run in job.Ends.Keys.Where(run => !events.Contains(string.Create(CultureInfo.InvariantCulture, $"{job.Id}:{run}"))))
                return ("events", $"{job} has ended ({job.Ends[run]}, {run} replays before), and no event says so", [job.Id]);
        }
        return null;
    }

    private string? WrongDelivery(WorldState world, SeenJob job, SeenJob webhook)
    {
        var body = delivered.GetValueOrDefault(webhook.Id);
        if (!webhook.IsFinal)
            return $"{webhook} has not ended";
        if (webhook.State == "Succeeded" && body is null)
            return $"{webhook} says it was delivered, and nothing arrived";
        if (world.WasAlwaysCalm && webhook.State != "Succeeded" && !webhook.Path.Contains("DeadLettered"))
            return $"{webhook} was not delivered though nothing went wrong";
        return body is null || JsonElement.Parse(body).GetProperty("data").GetProperty("id").GetString() == job.Id ? null : $"{webhook} is for {job}, and said {body}";
    }
}
