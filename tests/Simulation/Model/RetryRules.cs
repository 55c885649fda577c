using Azure.Data.Tables;
using Simulation.World;

namespace Simulation.Model;

/// <summary>When the next attempt is to come, as the row of a failed one says.</summary>
internal static class RetryRules
{
    /// <summary>What a downstream asked for that said how long to wait (<see cref="SimulatedWork"/>).</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(3);

    public static void Check(WorldState world, SeenJob job, TableEntity attempt)
    {
        if (attempt.GetDateTimeOffset("NotBefore") is not { } next || attempt.GetDateTimeOffset("FinishedAt") is not { } ended)
            return;
        if (attempt.GetString("ErrorMessage")?.Contains("told to wait", StringComparison.Ordinal) == true)
        {
            if (next - ended != RetryAfter)
                world.Observer.Break("retries", $"{job.Id} was told to wait {RetryAfter}, and is to wait {next - ended}", job.Id);
            return;
        }
        // Full jitter lies anywhere between nothing and the bound, 2 s and more: nothing at all, to the millisecond, is one chance in four thousand. Twice is none.
        if (next <= ended && job.Type is not ("sim.critical" or "sim.child") && ++job.RetriesAtOnce > 1)
            world.Observer.Break("retries", $"{job.Id} is tried again at once, again and again", job.Id);
    }
}
