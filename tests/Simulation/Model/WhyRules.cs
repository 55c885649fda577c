using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>The reason that is told is the one that holds.</summary>
internal static class WhyRules
{
    private static readonly string[] OfWorkflows = ["running", "waitingForEvent", "delayed", "waitingForChild", "stepRetrying"];

    private static readonly string[] OfQueues = ["justQueued", "putOff", "behindInLane", "nextInLane", "deepInQueue", "messageMissing"];

    /// <summary>By the receipt, which did not change while it was asked about.</summary>
    public static void Check(WorldState world, SeenJob job, JsonElement why, DateTimeOffset askedAt)
    {
        var reason = Text(why, "reason");
        var isOrchestrated = job.Owner.StartsWith("workflow:", StringComparison.Ordinal);
        var apart = world.Plan.MaxSkew;
        string[] expected = job.State switch
        {
            "Compensating" => ["compensating"],
            "Running" or "Waiting" when isOrchestrated => OfWorkflows,
            "Running" when job.LeaseUntil > world.Now + apart + apart => ["running"],
            "Running" => ["running", "workerLost"],
            "Held" => ["orderingKey", "uniqueKey", "batchPaused", .. OfQueues],
            "Scheduled" when job.NotBefore > world.Now + apart => ["scheduled"],
            "Retrying" when job.NotBefore > world.Now + apart => ["retrying"],
            "Scheduled" => ["scheduled", .. OfQueues],
            "Retrying" => ["retrying", .. OfQueues],
            _ => OfQueues,
        };
        // Of one that may start, and would not, since somebody has paused it.
        var mayBePaused = world.Settings.Cast.Controller && (job.State == "Held" || expected.Intersect(OfQueues).Any());
        if (!expected.Contains(reason) && !(mayBePaused && reason == "paused"))
            world.Observer.Break("why", $"{job} was said not to run because of {why}", job.Id);
        if (job.State == "Running" && !isOrchestrated && Text(why, "instance") != job.Owner)
            world.Observer.Break("why", $"{job} runs on {job.Owner}, and was said to run on another: {why}", job.Id);
        if (reason is "scheduled" or "retrying" && why.GetProperty("expectedAt").GetDateTimeOffset() is var at && (at != job.NotBefore || at < askedAt - apart))
            world.Observer.Break("why", $"{job} comes at {job.NotBefore:O}, and was said to come at {at:O}", job.Id);
        if (reason == "orderingKey" && world.Observer.Find(Text(why, "jobId")!)?.StrictKey != job.StrictKey)
            world.Observer.Break("why", $"{job} was said to wait for a job of another key: {why}", job.Id);
        if (reason == "uniqueKey" && world.Observer.Find(Text(why, "jobId")!)?.UniqueKey != job.UniqueKey)
            world.Observer.Break("why", $"{job} was said to wait for a job of another unique key: {why}", job.Id);
    }

    /// <summary>By its lane, in which nothing changed meanwhile.</summary>
    public static void CheckPlace(WorldState world, SeenJob job, JsonElement why, Waiting[] lane)
    {
        var reason = Text(why, "reason");
        if (!OfQueues.Contains(reason) || reason is "justQueued" or "deepInQueue")
            return;
        var own = Array.FindLastIndex(lane, message => message.JobId == job.Id);
        if (own < 0)
        {
            if (reason != "messageMissing")
                world.Observer.Break("why", $"{job} has no message, and was said to be {why}", job.Id);
            return;
        }
        var ahead = lane.Take(own).Where(message => message.At is null && message.JobId != job.Id).ToArray();
        var told = (reason, why.TryGetProperty("ahead", out var number) ? number.GetInt32() : 0, reason == "behindInLane" ? Text(why, "jobId") : null);
        if (lane[own].At is { } at)
        {
            if (at <= world.Now + world.Plan.MaxSkew)
                return; // there already, by the clock of the instance that was asked
            if (reason != "putOff" || why.GetProperty("expectedAt").GetDateTimeOffset() != at)
                world.Observer.Break("why", $"{job} was put off until {at:O}, and was said to be {why}", job.Id);
        }
        else if (told != (ahead.Length > 0 ? ("behindInLane", ahead.Length, ahead[0].JobId) : ("nextInLane", 0, null)))
            world.Observer.Break("why", $"{job} has {ahead.Length} before it in its lane, and was said to be {why}", job.Id);
    }

    private static string? Text(JsonElement why, string name) => why.TryGetProperty(name, out var value) ? value.GetString() : null;
}
