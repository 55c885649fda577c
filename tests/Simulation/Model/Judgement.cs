using System.Text.Json;
using Simulation.World;

namespace Simulation.Model;

/// <summary>The promises that can be judged only when everything is over, asked of the system as anybody would: over HTTP.</summary>
internal static class Judgement
{
    public static async Task PassAsync(WorldState world, Gateway gateway)
    {
        foreach (var known in world.Observer.Cases)
        {
            foreach (var id in known.Ids)
                await JudgeAsync(world, gateway, known, world.Observer.Find(id)!);
        }
        ScheduleRules.Judge(world);
        UniqueRules.Judge(world);
        await BatchRules.JudgeAsync(world, gateway);
        if (world.Settings.Cast.Surges > 0)
            await PressureRules.JudgeAsync(world, gateway);
        if (world.Settings.Cast.Listener)
            await world.Observer.Callbacks.JudgeAsync(world);
        if (world.Settings.Cast.Lists)
            await ListRules.JudgeAsync(world, gateway);
    }

    private static async Task JudgeAsync(WorldState world, Gateway gateway, JobCase known, SeenJob job)
    {
        (string, string)[] tenant = [("Weir-Tenant", known.Tenant)];
        var reply = await AskAsync(() => gateway.CallAsync("GetJob", "GET", $"/api/jobs/{job.Id}", headers: tenant, route: [("id", job.Id)]));
        if (reply is not { Status: 200 })
        {
            world.Observer.Break("I1", $"{known} cannot be read when all is over: {reply?.Status} {reply?.Body}", job.Id);
            return;
        }
        var view = JsonElement.Parse(reply.Body);
        var attempts = view.GetProperty("attempts").EnumerateArray().ToArray();
        if (known.Flow is not null)
        {
            FlowRules.Judge(world, known, job, view);
        }
        else
        {
            JudgeAttempts(world, known, job, attempts);
            JudgeChildren(world, known, job);
        }
        if (known.IsCancelled && job.State != "Cancelled")
            world.Observer.Break("cancel", $"{known} was cancelled and is {job.State}", job.Id);
        if (job.State == "DeadLettered")
            await JudgeDeadLetterAsync(world, gateway, known, job, attempts.Length);
        if (world.WasAlwaysCalm && known.Flow is null && job.State != "Held" && job.SupersededBy is null && !job.CancelAsked && !known.CancelAccepted && job is { Replays: 0 } && known is { ExpiresIn: null, IsCutOff: false })
            JudgeCalm(world, known, job);
    }

    /// <summary>An instance may still be on its way up.</summary>
    private static async Task<HttpReply?> AskAsync(Func<Task<HttpReply?>> call)
    {
        for (var tries = 0; tries < 20; tries++)
        {
            if (await call() is { Status: < 500 } reply)
                return reply;
        }
        return null;
    }

    /// <summary>Every attempt is on record, under its number.</summary>
    private static void JudgeAttempts(WorldState world, JobCase known, SeenJob job, JsonElement[] attempts)
    {
        var numbers = attempts.Select(attempt => attempt.GetProperty("number").GetInt32()).ToArray();
        if (!numbers.SequenceEqual(Enumerable.Range(1, numbers.Length + job.GivenUp.Count).Where(number => !job.GivenUp.Contains(number))))
            world.Observer.Break("attempts", $"{known} has attempts {string.Join(' ', numbers)}", job.Id);
        var last = attempts.Length == 0 ? null : attempts[^1].GetProperty("outcome").GetString();
        if ((job.State == "Succeeded") != (last == "succeeded"))
            world.Observer.Break("I2", $"{known} is {job.State}, and its last attempt was {last}", job.Id);
        if (job.State == "Succeeded" && attempts.Count(attempt => attempt.GetProperty("outcome").GetString() == "succeeded") > 1 + job.Replays)
            world.Observer.Break("I2", $"{known} succeeded more than once", job.Id);
    }

    /// <summary>All that it enqueued are there, each once, if it succeeded; otherwise none.</summary>
    private static void JudgeChildren(WorldState world, JobCase known, SeenJob job)
    {
        if (known.Work.Children == 0)
            return;
        var children = world.Observer.Seen.Count(other => other.Type == "sim.child" && other.CorrelationId == job.Id);
        if (children != (job.State == "Succeeded" ? known.Work.Children : 0))
            world.Observer.Break("children", $"{known} is {job.State}, and has {children} of its {known.Work.Children} children", job.Id);
    }

    /// <summary>I8: payload, attempts, errors, stack, trace.</summary>
    private static async Task JudgeDeadLetterAsync(WorldState world, Gateway gateway, JobCase known, SeenJob job, int attempts)
    {
        var reply = await AskAsync(() => gateway.CallAsync("GetDeadLetter", "GET", $"/api/dead-letters/{job.Id}", route: [("id", job.Id)]));
        if (reply is not { Status: 200 })
        {
            world.Observer.Break("I8", $"{known} is a dead letter, and the catalogue does not know it: {reply?.Status} {reply?.Body}", job.Id);
            return;
        }
        var entry = JsonElement.Parse(reply.Body);
        if (!entry.TryGetProperty("payload", out var payload) || payload.GetProperty("number").GetInt32() != known.Number)
            world.Observer.Break("I8", $"the dead letter of {known} has lost its payload", job.Id);
        if (!entry.TryGetProperty("attempts", out var kept) || kept.GetArrayLength() != attempts)
            world.Observer.Break("I8", $"the dead letter of {known} does not have its {attempts} attempts", job.Id);
        if (!entry.TryGetProperty("traceParent", out var trace) || trace.GetString() is not { Length: > 0 })
            world.Observer.Break("I8", $"the dead letter of {known} has no trace", job.Id);
        if (!entry.TryGetProperty("error", out var error) || error.GetProperty("message").GetString() is not { Length: > 0 })
            world.Observer.Break("I8", $"the dead letter of {known} has no error", job.Id);
        else if (error.GetProperty("message").GetString()!.StartsWith("Job ", StringComparison.Ordinal) && (!error.TryGetProperty("stack", out var stack) || stack.GetString() is not { Length: > 0 }))
            world.Observer.Break("I8", $"the dead letter of {known} has no stack", job.Id);
    }

    /// <summary>Nothing went wrong but what the job itself was told to do, so its end is known to the last attempt.</summary>
    private static void JudgeCalm(WorldState world, JobCase known, SeenJob job)
    {
        var most = known.Type == "sim.most" ? 1 : known.Work.FailAs switch { "permanent" => 1, "unknown" => known.Type == "sim.critical" ? 5 : 3, _ => 5 };
        var expected = known.Work.FailTimes >= most ? ("DeadLettered", most) : ("Succeeded", known.Work.FailTimes + 1);
        if (known.Type == "sim.critical" && known.Work.SleepMs >= 4_000)
        {
            // It stalls, each time. One that ignores its token may still end by itself before it is left behind: then it counts.
            if (known.Work.Stubborn)
                return;
            expected = ("DeadLettered", 5);
        }
        if ((job.State, job.Attempts.Count) != expected)
            world.Observer.Break("calm", $"{known} was to end as {expected.Item1} after {expected.Item2} attempts, and is {job.State} after {job.Attempts.Count}", job.Id);
        if (job.Runs.Count != job.Attempts.Count + job.HandBacks)
            world.Observer.Break("calm", $"{known} started {job.Runs.Count} times for {job.Attempts.Count} attempts", job.Id);
    }
}
