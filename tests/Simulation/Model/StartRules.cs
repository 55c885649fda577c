using Simulation.World;

namespace Simulation.Model;

/// <summary>What must hold at the moment when a handler starts.</summary>
internal static class StartRules
{
    public static void Check(WorldState world, SeenJob job, HandlerRun run)
    {
        if (job.State.Length == 0)
        {
            world.Observer.Break("I1", $"{job.Id} runs, and has no receipt", job.Id);
            return;
        }
        CheckOnce(world, job, run);
        UniqueRules.CheckStart(world, job);
        if (job.CancelRequestedIn > 0 && run.Attempt > job.CancelRequestedIn)
            world.Observer.Break("cancel", $"{job} was asked to stop in attempt {job.CancelRequestedIn}, and attempt {run.Attempt} starts", job.Id);
        if (world.Observer.Cases.Find(known => known.Ids.Contains(job.Id)) is not { } known)
            return;
        CheckOrder(world, known, job);
        if (known.IsCancelled && job.Type != "sim.least")
            world.Observer.Break("cancel", $"{known} was cancelled and starts", job.Id);
        if (known.Delay is { } delay && world.Now < known.SentAt + delay - world.Plan.MaxSkew)
            world.Observer.Break("delay", $"{known} started {known.SentAt + delay - world.Now} before its time", job.Id);
    }

    /// <summary>What was accepted is what runs; or what an operator has put in its place, from the run on that they were told of.</summary>
    public static void CheckPayload(WorldState world, SeenJob job, Work work)
    {
        if (world.Observer.Cases.Find(known => known.Ids.Contains(job.Id)) is not { } known)
            return;
        // At least once: a copy of an earlier run's message may run once more, as it was sent.
        var isRight = job.Type != "sim.least" && known.PayloadOfRun.TryGetValue(job.Replays, out var mended) ? work == mended : work == known.Work || known.Mended.Contains(work);
        if (!isRight)
            world.Observer.Break("payload", $"{known} runs with {work}", job.Id);
    }

    private static void CheckOnce(WorldState world, SeenJob job, HandlerRun run)
    {
        var starts = job.Runs.Count(other => other.Attempt == run.Attempt);
        if (job.Type == "sim.most" && job.Runs.Count > job.Replays)
            world.Observer.Break("atMostOnce", $"{job.Id} started {job.Runs.Count + 1} times in {job.Replays + 1} runs", job.Id);
        if (job.Type != "sim.least" && starts > 0 && !job.HandedBack)
            world.Observer.Break("I2", $"attempt {run.Attempt} of {job.Id} started twice", job.Id);
        if (job.Type != "sim.least" && run.Attempt > job.Attempt)
            world.Observer.Break("I2", $"attempt {run.Attempt} of {job.Id} started, and its claim says {job.Attempt}", job.Id);
    }

    /// <summary>Every earlier job of a strict key has ended, and if it died somebody gave it up.</summary>
    private static void CheckOrder(WorldState world, JobCase known, SeenJob job)
    {
        if (known.Order is not { } order)
            return;
        foreach (var earlier in world.Observer.Cases.Where(other => other.Order is { } place && place.Key == order.Key && place.Place < order.Place))
        {
            foreach (var id in earlier.Ids)
            {
                var other = world.Observer.Find(id)!;
                if (other.HasExpired)
                    continue;
                if (!other.IsFinal || (other.State == "DeadLettered" && !other.Discarded))
                    world.Observer.Break("I5", $"{known} started while {earlier} was {other.State}", job.Id, id);
            }
        }
    }
}
