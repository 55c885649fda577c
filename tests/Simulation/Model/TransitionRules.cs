using Simulation.Kernel;
using Simulation.World;

namespace Simulation.Model;

/// <summary>What may follow what on a receipt, and who may write it.</summary>
internal static class TransitionRules
{
    /// <summary>The longest delay of any policy in the simulation (20 s), doubled by the retry budget, and some for clocks.</summary>
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(42);

    public static void Check(WorldState world, SeenJob before, SeenReceipt after, VirtualProcess writer)
    {
        RunRules.Check(world, before, after);
        ResendRules.Check(world, before, after);
        switch (before.State, after.State)
        {
            case ("", "Queued" or "Scheduled" or "Held"):
                break;
            case ("", var first):
                world.Observer.Break("I1", $"{before.Id} began as {first}", before.Id);
                break;
            case var (from, to) when from == to && before.IsFinal:
                if (before.Attempt != after.Attempt || before.FinishedAt != after.FinishedAt)
                    world.Observer.Break("I1", $"{before.Id} was {from} and was ended again", before.Id);
                break;
            case ("DeadLettered" or "Expired", "Queued" or "Held" or "Scheduled"):
                break; // an operator's replay
            case var (from, to) when before.IsFinal:
                world.Observer.Break("I1", $"{before.Id} was {from} and became {to}", before.Id);
                break;
            case ("Waiting" or "Compensating", _):
                break; // an orchestration's
            case (not "Running", "Running"):
                CheckNumber(world, before, after);
                break;
            case ("Running", "Running"):
                CheckTakeover(world, before, after, writer);
                break;
            case ("Running", _) when before.Owner.StartsWith("workflow:", StringComparison.Ordinal):
                break; // an orchestration's, which any instance writes for it
            case ("Running", "Succeeded") when before.Owner != writer.Name:
                world.Observer.Break("I2", $"{before.Id} was claimed by {before.Owner}, and {writer.Name} recorded its outcome", before.Id);
                break;
            case ("Running", "Expired"):
                CheckLeaseIsOver(world, before, writer); // an attempt that runs by then runs to its end
                break;
            case ("Running", "Queued") when before.Owner != writer.Name:
                world.Observer.Break("I2", $"{before.Id} was claimed by {before.Owner}, and {writer.Name} gave it back", before.Id);
                break;
            case ("Running", "Retrying" or "DeadLettered" or "Cancelled") when before.Owner != writer.Name:
                CheckLeaseIsOver(world, before, writer);
                break;
            case (_, "Retrying"):
                if (after.NotBefore - world.Now > LongestDelay)
                    world.Observer.Break("retries", $"{before.Id} is to wait {after.NotBefore - world.Now} for its next attempt", before.Id);
                break;
        }
    }

    /// <summary>Attempts are numbered without a gap: a put-off is none, and one that was handed back is begun again.</summary>
    private static void CheckNumber(WorldState world, SeenJob before, SeenReceipt after)
    {
        var next = before.Attempt + 1;
        if (after.Attempt != next && !(before.HandedBack && after.Attempt == before.Attempt))
            world.Observer.Break("attempts", $"{before.Id} had {before.Attempt} attempts and was claimed as number {after.Attempt}", before.Id);
    }

    private static void CheckTakeover(WorldState world, SeenJob before, SeenReceipt after, VirtualProcess writer)
    {
        if (after.Owner == before.Owner && after.Attempt == before.Attempt)
        {
            // A renewal, or progress, or a request to cancel.
            if (after.LeaseUntil != before.LeaseUntil && writer.Name != before.Owner)
                world.Observer.Break("lease", $"{before.Id} is leased to {before.Owner}, and {writer.Name} renewed that", before.Id);
            return;
        }
        CheckNumber(world, before, after);
        CheckLeaseIsOver(world, before, writer);
    }

    private static void CheckLeaseIsOver(WorldState world, SeenJob before, VirtualProcess writer)
    {
        // Clocks lie apart by MaxSkew at most; a lease that its owner still sees must not be broken by anybody.
        if (world.Now < before.LeaseUntil - world.Plan.MaxSkew)
            world.Observer.Break("lease", $"{before.Id} is leased to {before.Owner} until {before.LeaseUntil:HH:mm:ss.fff}, and {writer.Name} took it", before.Id);
    }
}
