using Simulation.World;

namespace Simulation.Model;

/// <summary>What must hold at the moment when a handler ends, in a world in which nothing goes wrong.</summary>
internal static class EndRules
{
    /// <summary>For the calls themselves.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(3);

    public static void Check(WorldState world, HandlerRun run, string how)
    {
        var job = run.Job;
        if (!world.WasAlwaysCalm || job.Type == "sim.least")
            return;
        if (job.State == "Running" && job.Attempt == run.Attempt && world.Now > job.LeaseUntil)
            world.Observer.Break("lease", $"attempt {run.Attempt} of {job.Id} ran until now, and its lease until {job.LeaseUntil:HH:mm:ss.fff}", job.Id);
        // A request to cancel is found when the lease is renewed, at the latest; a notice of it comes sooner.
        if (how == "returned" && world.Observer.Cases.Find(known => known.Ids.Contains(job.Id)) is { CancelAskedAt: { } asked, Work.Stubborn: false } && world.Now > asked + world.Settings.Lease / 3 + Slack)
            world.Observer.Break("cancel", $"attempt {run.Attempt} of {job.Id} ran on for {world.Now - asked} after it was asked to stop", job.Id);
    }
}
