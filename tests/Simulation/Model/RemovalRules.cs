using Simulation.World;

namespace Simulation.Model;

/// <summary>When a receipt may go.</summary>
internal static class RemovalRules
{
    /// <summary>A job that was accepted stays until retention takes it; a dead letter that nobody has given up stays for ever.</summary>
    public static void Check(WorldState world, SeenJob job)
    {
        // Counted from the end that the receipt tells, which may have been some seconds in coming there.
        var isOld = world.Settings.Retention is { } kept && (job.FinishedAt ?? job.EndedAt) is { } ended && world.Now >= ended + kept - world.Plan.MaxSkew;
        if (world.Observer.Cases.Any(known => known.Ids.Contains(job.Id)) && !isOld)
            world.Observer.Break("I1", $"{job} was accepted, and its receipt is removed", job.Id);
        if (job is { State: "DeadLettered" or "Expired", Discarded: false })
            world.Observer.Break("I8", $"the dead letter of {job} is removed", job.Id);
    }
}
