using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>What arrived at those who asked to be told: webhooks, and events of the topic.</summary>
internal sealed class Callbacks
{
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
    public void Judge(WorldState world)
    {
        foreach (var job in world.Observer.Seen.Where(job => job is { IsRemoved: false, CallbackUrl: not null }))
        {
            var webhooks = world.Observer.Seen.Where(other => other.Type == "weir.webhook" && other.CorrelationId == job.Id).ToArray();
            if (webhooks.Length != job.Ends.Count)
                world.Observer.Break("webhooks", $"{job} has ended {job.Ends.Count} times, and {webhooks.Length} webhooks say so", job.Id);
            foreach (var webhook in webhooks)
                JudgeDelivery(world, job, webhook);
        }
        foreach (var job in world.Observer.Seen.Where(job => job is { IsRemoved: false, Type: "sim.plain" }))
        {
            foreach (var run in job.Ends.Keys.Where(run => !events.Contains($"{job.Id}:{run}")))
                world.Observer.Break("events", $"{job} has ended ({job.Ends[run]}, {run} attempts before), and no event says so", job.Id);
        }
    }

    private void JudgeDelivery(WorldState world, SeenJob job, SeenJob webhook)
    {
        var body = delivered.GetValueOrDefault(webhook.Id);
        if (webhook.State == "Succeeded" && body is null)
            world.Observer.Break("webhooks", $"{webhook} says it was delivered, and nothing arrived", job.Id, webhook.Id);
        if (world.WasAlwaysCalm && webhook.State != "Succeeded" && !webhook.Path.Contains("DeadLettered"))
            world.Observer.Break("webhooks", $"{webhook} was not delivered though nothing went wrong", job.Id, webhook.Id);
        if (body is not null && JsonElement.Parse(body).GetProperty("data").GetProperty("id").GetString() != job.Id)
            world.Observer.Break("webhooks", $"{webhook} is for {job}, and said {body}", job.Id, webhook.Id);
    }
}
