using Simulation.World;

namespace Simulation.Model;

/// <summary>Every occurrence is one job: none twice, none outside of the schedule's time, none lost but to its policies.</summary>
internal static class ScheduleRules
{
    /// <summary>What is this late counts as missed (docs/schedules.md).</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(1);

    public static void Judge(WorldState world)
    {
        foreach (var known in world.Observer.Schedules)
            Judge(world, known);
    }

    private static void Judge(WorldState world, ScheduleCase known)
    {
        if (known.Put is not { } put || known.Removed is not { } removed)
            return;
        var apart = world.Plan.MaxSkew;
        var jobs = world.Observer.Seen.Where(job => job.Schedule == known.Name && job.Tenant == known.Tenant && !known.RunIds.Contains(job.Id)).ToArray();
        foreach (var twice in jobs.GroupBy(job => job.Occurrence).Where(group => group.Count() > 1))
        {
            // A PUT that nobody answered may have been carried out after the removal: that is another schedule of this name.
            if (put.IsSure || twice.Key < removed.First - apart)
                world.Observer.Break("I4", $"{known} has {twice.Count()} jobs for {twice.Key:HH:mm:ss}", [.. twice.Select(job => job.Id)]);
        }
        foreach (var job in jobs)
            JudgeMade(world, known, job, put, removed, apart);

        var made = jobs.Select(job => job.Occurrence).ToHashSet();
        // What was due at the very moment of the PUT was due before it.
        foreach (var due in known.Due(put.Answered + apart + TimeSpan.FromTicks(1), removed.First - apart).Where(due => !made.Contains(due) && !IsPaused(known, due, apart)))
        {
            if (!IsExcused(world, known, due, jobs, apart))
                world.Observer.Break("schedules", $"{known} made no job for {due:HH:mm:ss}", known.Name);
        }
    }

    private static void JudgeMade(WorldState world, ScheduleCase known, SeenJob job, Asked put, Asked removed, TimeSpan apart)
    {
        var due = job.Occurrence;
        if (!known.Due(due, due).Any())
        {
            // Run by hand, by a try whose answer was lost; a later try is the same run, unless the schedule was put anew between the two.
            if (known.Ran is { } ran && due >= ran.First - apart && !(ran.IsSure && put.IsSure))
                return;
            world.Observer.Break("schedules", $"{known} made {job.Id} for {due:O}, when it is not due", job.Id);
        }
        if (due < put.First - apart || (put.IsSure && due > removed.Answered + apart))
            world.Observer.Break("schedules", $"{known} made {job.Id} for {due:HH:mm:ss.fff}; it was there from {put.First:HH:mm:ss.fff} to {removed.Answered:HH:mm:ss.fff}", job.Id);
        // A pause without a known end is none to judge by; nor is one that another try may have ended.
        if (known is { Paused: { } paused, Resumed: { } resumed } && due > paused.Answered + apart && due < resumed.First - apart)
            world.Observer.Break("schedules", $"{known} made {job.Id} for {due:HH:mm:ss.fff}, in its pause from {paused.Answered:HH:mm:ss.fff} to {resumed.First:HH:mm:ss.fff}", job.Id);
        if (job.Since < due - apart)
            world.Observer.Break("schedules", $"{known} made {job.Id} {due - job.Since} before it was due", job.Id);
    }

    private static bool IsPaused(ScheduleCase known, DateTimeOffset due, TimeSpan apart) =>
        known.Paused is { } paused && due >= paused.First - apart && (!paused.IsSure || !(due > known.Resumed?.Answered + apart));

    private static bool IsExcused(WorldState world, ScheduleCase known, DateTimeOffset due, SeenJob[] jobs, TimeSpan apart)
    {
        if (known.Overlap == "skip" && jobs.Where(job => job.Occurrence < due).MaxBy(job => job.Occurrence) is { } before && (before.Replays > 0 || before.EndedAt is null || before.EndedAt >= due - apart))
            return true;
        if (world.WasAlwaysCalm || known.Missed == "all")
            return false;
        // Had anybody looked at the schedule within the minute, it would have been fired.
        var onTime = due + Tolerance - apart;
        return !jobs.Any(job => job.Occurrence > due && job.Since < onTime) && !(known.Removed!.Value.Answered < onTime) && !(known.Paused is { } paused && paused.First > due && paused.Answered < onTime);
    }
}
