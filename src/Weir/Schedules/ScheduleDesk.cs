using Weir.Execution;
using Weir.Submission;

namespace Weir.Schedules;

/// <summary>Puts, pauses, resumes, runs and removes schedules. Whatever was due by then is fired first, as the schedule stood: a change counts for what comes after it.</summary>
internal sealed class ScheduleDesk(ScheduleTable table, ScheduleFiring firing, OccurrenceSubmission occurrences, ScheduleChanges changes, JobSubmission submission, Instance instance, TimeProvider clock, Random chance)
{
    /// <summary>Of a backlog as long as can be, and some writes of others in between.</summary>
    private const int MaxTries = 60;

    /// <exception cref="TimeoutException">The schedule changed whenever it was to be written.</exception>
    public async Task<PutAnswer> PutAsync(string tenant, string name, ScheduleDefinition definition, SubmitRequest request, Precondition condition, string by, CancellationToken cancellation)
    {
        for (var tries = 0; tries < MaxTries; tries++)
        {
            var before = await table.FindAsync(tenant, name, cancellation);
            if (!condition.Allows(before))
                return new PutAnswer.NotAsExpected(before);
            if (before?.Definition == definition)
                return new PutAnswer.Written(before, Created: false);
            if (submission.Check(request, tenant, idempotencyKey: null, out _) is { } refused)
                return new PutAnswer.Refused(refused);

            var now = clock.GetUtcNow();
            var timetable = definition.Timetable();
            var isDueAsBefore = before is not null && definition.IsDueAs(before.Definition);
            if (!isDueAsBefore && timetable.Next(now) is null)
                return new PutAnswer.NeverDue();
            if (before is not null && !isDueAsBefore && await FireDueAsync(before, now, cancellation))
                continue;
            if (await table.WriteAsync(before, Changed(before, isDueAsBefore), instance.Id, cancellation) is not { } written)
                continue;
            changes.Tell();
            return new PutAnswer.Written(written, Created: before is null);

            Schedule Changed(Schedule? old, bool same)
            {
                if (old is null)
                    return new Schedule(tenant, name, JobId.New(now, chance), 1, definition, now, timetable.Next(now)) { CreatedAt = now, ChangedAt = now, ChangedBy = by };
                var changed = old with { Definition = definition, Revision = old.Revision + 1, ChangedAt = now, ChangedBy = by, LastError = null };
                return same ? changed : MovedTo(changed, now, timetable);
            }
        }
        throw Contended(name);
    }

    /// <returns>False when there is none; null when it is another than was expected.</returns>
    public async Task<bool?> RemoveAsync(string tenant, string name, Precondition condition, CancellationToken cancellation)
    {
        for (var tries = 0; tries < MaxTries; tries++)
        {
            if (await table.FindAsync(tenant, name, cancellation) is not { } schedule)
                return false;
            if (!condition.Allows(schedule))
                return null;
            if (!await FireDueAsync(schedule, clock.GetUtcNow(), cancellation) && await table.RemoveAsync(schedule, cancellation))
                return true;
        }
        throw Contended(name);
    }

    /// <summary>Fires nothing from now on. What would be due meanwhile is not made up for.</summary>
    public Task<Schedule?> PauseAsync(string tenant, string name, string by, string reason, DateTimeOffset? until, CancellationToken cancellation) => ChangeAsync(tenant, name, (schedule, now) =>
        schedule with { Pause = new Pause(schedule.Pause?.Since ?? now, by, reason, until), DueAt = until }, cancellation);

    public Task<Schedule?> ResumeAsync(string tenant, string name, CancellationToken cancellation) => ChangeAsync(tenant, name, (schedule, now) =>
        schedule.Pause is null ? schedule : MovedTo(schedule with { Pause = null }, now, schedule.Definition.Timetable()), cancellation);

    /// <summary>An occurrence of its own, now: paused or not, whatever else of it runs.</summary>
    /// <returns>Null when there is no such schedule.</returns>
    public async Task<Submitted?> RunAsync(string tenant, string name, string? idempotencyKey, CancellationToken cancellation)
    {
        if (await table.FindAsync(tenant, name, cancellation) is not { } schedule)
            return null;
        var now = clock.GetUtcNow();
        var id = idempotencyKey is null ? JobId.New(now, chance) : JobId.FromKey(tenant, "schedule run", $"{schedule.Incarnation}/{idempotencyKey}");
        return await occurrences.SubmitAsync(schedule, new ScheduledOccurrence(id, name, now), cancellation);
    }

    private async Task<Schedule?> ChangeAsync(string tenant, string name, Func<Schedule, DateTimeOffset, Schedule> change, CancellationToken cancellation)
    {
        for (var tries = 0; tries < MaxTries; tries++)
        {
            if (await table.FindAsync(tenant, name, cancellation) is not { } schedule)
                return null;
            var now = clock.GetUtcNow();
            if (await FireDueAsync(schedule, now, cancellation))
                continue;
            if (await table.WriteAsync(schedule, change(schedule, now), instance.Id, cancellation) is not { } written)
                continue;
            changes.Tell();
            return written;
        }
        throw Contended(name);
    }

    /// <returns>Whether something was due, or decided on: then the schedule is another one now.</returns>
    private async Task<bool> FireDueAsync(Schedule schedule, DateTimeOffset now, CancellationToken cancellation)
    {
        // A deferred one is not made out here: nobody can tell what is due of it.
        if ((!(schedule.DueAt <= now) && (schedule.Decided is null || schedule.Pause is not null)) || TimeZones.Find(schedule.Definition.TimeZone) is null)
            return false;
        await firing.FireAsync(schedule, cancellation);
        return true;
    }

    private static Schedule MovedTo(Schedule schedule, DateTimeOffset now, Timetable timetable)
    {
        var cursor = schedule.Cursor > now ? schedule.Cursor : now;
        return schedule with { Cursor = cursor, JudgedUntil = null, DueAt = schedule.Pause is { } pause ? pause.Until : timetable.Next(cursor) };
    }

    private static TimeoutException Contended(string name) => new($"Schedule {name} changed {MaxTries} times while it was to be written.");
}

/// <summary>What became of a PUT.</summary>
internal abstract record PutAnswer
{
    private PutAnswer() { }

    public sealed record Written(Schedule Schedule, bool Created) : PutAnswer;

    /// <param name="Schedule">As it is; null when there is none.</param>
    public sealed record NotAsExpected(Schedule? Schedule) : PutAnswer;

    /// <summary>Its jobs would be refused.</summary>
    public sealed record Refused(Submitted.Refused Why) : PutAnswer;

    public sealed record NeverDue : PutAnswer;
}

/// <summary>What the sender of a change has seen before: If-Match, If-None-Match.</summary>
/// <param name="Tags">The change is for one of these; null for whatever there is, or nothing.</param>
/// <param name="Any">The change is for a schedule that is there.</param>
/// <param name="None">The change is for one that is not.</param>
internal sealed record Precondition(IReadOnlyList<string>? Tags, bool Any, bool None)
{
    public static Precondition Nothing { get; } = new(null, false, false);

    /// <summary>The tag of a definition: it changes with a PUT, not with each occurrence.</summary>
    public static string TagOf(Schedule schedule) => $"\"{schedule.Incarnation[^8..]}-{schedule.Revision}\"";

    public bool Allows(Schedule? schedule) => schedule is null ? !Any && Tags is null : !None && (Tags is null || Tags.Contains(TagOf(schedule)));
}
