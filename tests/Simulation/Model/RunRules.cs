using Simulation.World;

namespace Simulation.Model;

/// <summary>How many attempts a run of a job may have, when it may begin, and what brings another run.</summary>
internal static class RunRules
{
    /// <summary>Between the look at the clock and the claim nothing is waited for; clocks are set meanwhile.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(1);

    public static void Check(WorldState world, SeenJob before, SeenReceipt after)
    {
        CheckReplay(world, before, after);
        if (after.State != "Running" && after.LeaseUntil != default && after.LeaseUntil != before.LeaseUntil)
            world.Observer.Break("lease", $"{before.Id} is {after.State}, and its lease was renewed", before.Id);
        if (before.State.Length == 0)
            CheckParent(world, before, after);
        else if (after.State == "Running" && after.Attempt != before.Attempt)
            CheckBegin(world, before, after);
        else if (after.State == "DeadLettered" && before.State != after.State && after.DeadLetterReason == "attemptsExhausted")
            CheckExhausted(world, before, after);
    }

    /// <summary>I9: only a dead job is replayed, and each replay is one new run.</summary>
    private static void CheckReplay(WorldState world, SeenJob before, SeenReceipt after)
    {
        if (after.ReplayedAt != before.ReplayedAt && before.State is not ("DeadLettered" or "Expired"))
            world.Observer.Break("I9", $"{before.Id} was replayed while it was {before.State}", before.Id);
        if (after.State == "Expired" && before.State != "Expired" && before.Replays > 0)
            world.Observer.Break("replay", $"{before.Id} expired in a run that an operator had asked for", before.Id);
    }

    /// <summary>A child exists only if its parent has succeeded.</summary>
    private static void CheckParent(WorldState world, SeenJob before, SeenReceipt after)
    {
        if (after.Type == "sim.child" && (after.CorrelationId is not { } parent || world.Observer.Find(parent)?.State != "Succeeded"))
            world.Observer.Break("children", $"{before.Id} is a child of {after.CorrelationId}, which has not succeeded", before.Id, after.CorrelationId ?? "");
    }

    private static void CheckBegin(WorldState world, SeenJob before, SeenReceipt after)
    {
        var number = after.Attempt - after.EarlierAttempts;
        if (after.Type.StartsWith("sim.", StringComparison.Ordinal) && number > Most(after.Type, "Transient"))
            world.Observer.Break("retries", $"{before.Id} begins its attempt {number} of {Most(after.Type, "Transient")}", before.Id);
        if (after.ExpiresAt is { } expiry && after.StartedAt > expiry + world.Plan.MaxSkew + Slack)
            world.Observer.Break("expiry", $"{before.Id} expired at {expiry:HH:mm:ss.fff} and began at {after.StartedAt:HH:mm:ss.fff}", before.Id);
    }

    /// <summary>No run is given up before its time; a lost worker counts as transient.</summary>
    private static void CheckExhausted(WorldState world, SeenJob before, SeenReceipt after)
    {
        var number = after.Attempt - after.EarlierAttempts;
        if (number != Most(after.Type, after.ErrorClass) && !(after.ErrorClass == "Unknown" && number > Most(after.Type, after.ErrorClass)))
            world.Observer.Break("retries", $"{before.Id} was given up as exhausted ({after.ErrorClass}) after {number} attempts", before.Id);
    }

    /// <summary>The policies of the simulated jobs: standard, quick for some, none for what runs at most once.</summary>
    private static int Most(string type, string? errorClass) =>
        type == "sim.most" ? 1 : errorClass == "Unknown" && type is not ("sim.critical" or "sim.child") ? 3 : 5;
}
