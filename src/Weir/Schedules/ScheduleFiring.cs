using Microsoft.Extensions.Logging;
using Weir.Execution;

namespace Weir.Schedules;

/// <summary>
/// Fires what is due: the job first, under an id that follows from the occurrence, then the cursor, if nobody else has moved it. So any number of instances may do this at once, and
/// one that dies in between has the same occurrence fired again, which is the same job.
/// <para>
/// Who moved a schedule's cursor last comes first the next time; the others wait for <see cref="Grace"/>, so that not each of them submits every job.
/// </para>
/// </summary>
public sealed partial class ScheduleFiring
{
    /// <summary>How often it is asked what is due while nothing is: 12 queries a minute and instance. What is put here is known here at once; this is how soon the others know.</summary>
    internal static readonly TimeSpan Poll = TimeSpan.FromSeconds(5);

    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>What was read longer ago than this is read again before it is acted on.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(10);

    /// <summary>A schedule that this instance cannot make out is left for so long.</summary>
    private static readonly TimeSpan Deferral = TimeSpan.FromMinutes(1);

    private const int Page = 200;
    private const int AtOnce = 16;

    /// <summary>So many occurrences of one schedule are fired before its cursor is moved, and others have their turn.</summary>
    private const int Batch = 25;

    /// <summary>So often a schedule may be written by others while what was fired is put on record; after that they are missing in its count.</summary>
    private const int MaxNotes = 5;

    /// <summary>A call ends after so many pages at the latest.</summary>
    private const int MaxPages = 50;

    private readonly ScheduleTable table;
    private readonly OccurrenceSubmission occurrences;
    private readonly Instance instance;
    private readonly KillPoints kill;
    private readonly TimeProvider clock;
    private readonly ILogger<ScheduleFiring> logger;
    private int busy;

    internal ScheduleFiring(ScheduleTable table, OccurrenceSubmission occurrences, Instance instance, KillPoints kill, TimeProvider clock, ILogger<ScheduleFiring> logger) =>
        (this.table, this.occurrences, this.instance, this.kill, this.clock, this.logger) = (table, occurrences, instance, kill, clock, logger);

    /// <summary>Since when the schedule has been due that waits longest, as of the last look; null when none does.</summary>
    internal DateTimeOffset? OverdueSince { get; private set; }

    /// <summary>Fires what is due now, on all schedules.</summary>
    /// <returns>When to call again.</returns>
    public async Task<DateTimeOffset> FireDueAsync(CancellationToken cancellation)
    {
        // The timer trigger and the loop of an instance meet at full minutes.
        if (Interlocked.Exchange(ref busy, 1) == 1)
            return clock.GetUtcNow() + Grace;
        try
        {
            for (var pages = 0; pages < MaxPages; pages++)
            {
                var next = await FirePageAsync(cancellation);
                if (next > clock.GetUtcNow())
                    return next;
            }
            return clock.GetUtcNow();
        }
        finally
        {
            Volatile.Write(ref busy, 0);
        }
    }

    private async Task<DateTimeOffset> FirePageAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var known = await table.DueUntilAsync(now + Poll, Page, cancellation);
        var due = known.Where(one => TurnAt(one) <= now).ToArray();
        var next = known.Where(one => TurnAt(one) > now).Select(TurnAt).Append(now + Poll).Min();
        var (index, failed) = (-1, false);
        async Task WorkAsync()
        {
            while (Interlocked.Increment(ref index) is var mine && mine < due.Length)
            {
                var (again, ok) = await FireOrLogAsync(due[mine], cancellation);
                failed |= !ok;
                if (again < next)
                    next = again.Value;
            }
        }
        OverdueSince = due.Length > 0 ? due.Min(one => one.At) : null;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(AtOnce, due.Length)).Select(_ => WorkAsync()));
        if (!failed)
            OverdueSince = null;
        if (failed)
            return clock.GetUtcNow() + Grace; // not at once, lest a store that is away is asked without a pause
        return due.Length > 0 && known.Count == Page ? now : next;
    }

    private DateTimeOffset TurnAt(DueSchedule due) => due.By == instance.Id ? due.At : due.At + Grace;

    /// <returns>When to look at it again, and whether nothing failed.</returns>
    private async Task<(DateTimeOffset? Again, bool Ok)> FireOrLogAsync(DueSchedule due, CancellationToken cancellation)
    {
        try
        {
            if (await table.FindAsync(due.Tenant, due.Name, cancellation) is not { } schedule || schedule.DueAt != due.At)
                return (null, true);
            return (await FireAsync(schedule, cancellation) is { } written ? written.DueAt : clock.GetUtcNow() + Grace, true);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotFired(failure, due.Name, due.Tenant);
            return (null, false);
        }
    }

    /// <summary>Fires a batch of what is due of one schedule.</summary>
    /// <returns>The schedule as it is written; null when somebody else has written it meanwhile.</returns>
    internal async Task<Schedule?> FireAsync(Schedule schedule, CancellationToken cancellation)
    {
        Timetable timetable;
        try
        {
            timetable = schedule.Definition.Timetable();
        }
        catch (InvalidTimeZoneException missing)
        {
            LogNotFired(missing, schedule.Name, schedule.Tenant);
            var now = clock.GetUtcNow();
            return await table.WriteAsync(schedule, schedule with { DueAt = now + Deferral, LastError = new ScheduleError(now, null, "unknownTimeZone", missing.Message) }, instance.Id, cancellation);
        }
        return await FireAsync(schedule, timetable, cancellation);
    }

    private async Task<Schedule?> FireAsync(Schedule read, Timetable timetable, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var schedule = read;
        if (schedule.Pause is { } pause)
        {
            if (!(pause.Until <= now))
                return await table.WriteAsync(read, schedule with { DueAt = pause.Until }, instance.Id, cancellation);
            schedule = schedule with { Pause = null, Cursor = Later(schedule.Cursor, pause.Until.Value.AddTicks(-1)) };
        }
        var (cursor, until) = Judgement.Of(schedule, timetable, now);
        if (cursor != schedule.Cursor)
        {
            LogMissed(schedule.Name, schedule.Tenant, schedule.Cursor, cursor, schedule.Definition.Missed);
            schedule = schedule with { Cursor = cursor };
        }
        for (var fired = 0; fired < Batch && clock.GetUtcNow() - now < Stale; fired++)
        {
            if ((schedule.Decided ?? timetable.Next(schedule.Cursor)) is not { } occurrence || (occurrence > until && schedule.Decided is null))
                return await AdvanceAsync(read, schedule, timetable, cancellation);
            if (schedule.Definition.Overlap == OverlapPolicy.Skip)
                return await FireUnlessBusyAsync(read, schedule with { JudgedUntil = until }, occurrence, timetable, cancellation);
            schedule = await occurrences.FireAsync(schedule, occurrence, cancellation);
        }
        return await AdvanceAsync(read, schedule with { JudgedUntil = until }, timetable, cancellation);
    }

    /// <summary>
    /// Whether the job before has ended is a question that two instances may answer differently. So the answer is written down before anything follows from it, and the first one holds.
    /// </summary>
    private async Task<Schedule?> FireUnlessBusyAsync(Schedule read, Schedule schedule, DateTimeOffset occurrence, Timetable timetable, CancellationToken cancellation)
    {
        if (schedule.Decided is null)
        {
            if (await occurrences.IsBusyAsync(schedule, cancellation))
            {
                LogSkipped(schedule.Name, schedule.Tenant, occurrence, schedule.Last!.JobId);
                return await AdvanceAsync(read, schedule with { Cursor = occurrence, SkippedCount = schedule.SkippedCount + 1 }, timetable, cancellation);
            }
            if (await table.WriteAsync(read, schedule with { Decided = occurrence }, instance.Id, cancellation) is not { } decided)
                return null;
            kill.Pass(KillPoints.AfterDecided);
            read = schedule = decided;
        }
        return await AdvanceAsync(read, await occurrences.FireAsync(schedule, occurrence, cancellation), timetable, cancellation);
    }

    private async Task<Schedule?> AdvanceAsync(Schedule read, Schedule schedule, Timetable timetable, CancellationToken cancellation)
    {
        var next = timetable.Next(schedule.Cursor);
        var written = await table.WriteAsync(read, schedule with { DueAt = next }, instance.Id, cancellation);
        kill.Pass(KillPoints.AfterAdvanced);
        if (written is { DueAt: null })
            LogEnded(schedule.Name, schedule.Tenant);
        if (written is null && schedule.FiredCount > read.FiredCount)
            await NoteAsync(read, schedule, cancellation);
        return written;
    }

    /// <summary>
    /// Somebody has written the schedule while its jobs were submitted. Another instance that fires has the same jobs on record; one that paused it at that moment has not, and nobody would look again.
    /// </summary>
    private async Task NoteAsync(Schedule read, Schedule fired, CancellationToken cancellation)
    {
        for (var tries = 0; tries < MaxNotes; tries++)
        {
            if (await table.FindAsync(read.Tenant, read.Name, cancellation) is not { } now || now.Incarnation != read.Incarnation || now.FiredCount != read.FiredCount)
                return;
            var noted = now with { Last = fired.Last, FiredCount = fired.FiredCount, Cursor = Later(now.Cursor, fired.Cursor), Decided = now.Decided > fired.Cursor ? now.Decided : null };
            if (await table.WriteAsync(now, noted, instance.Id, cancellation) is not null)
                return;
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    [LoggerMessage(551, LogLevel.Error, "Schedule {Schedule} of {Tenant} could not be fired; it is tried again")]
    private partial void LogNotFired(Exception failure, string schedule, string tenant);

    [LoggerMessage(552, LogLevel.Warning, "Schedule {Schedule} of {Tenant} has missed what was due after {After:O} until {Until:O} ({Policy})")]
    private partial void LogMissed(string schedule, string tenant, DateTimeOffset after, DateTimeOffset until, MissedPolicy policy);

    [LoggerMessage(553, LogLevel.Information, "Schedule {Schedule} of {Tenant} skips its occurrence of {Occurrence:O}: job {JobId} has not ended")]
    private partial void LogSkipped(string schedule, string tenant, DateTimeOffset occurrence, string jobId);

    [LoggerMessage(554, LogLevel.Information, "Schedule {Schedule} of {Tenant} has ended: nothing more will be due")]
    private partial void LogEnded(string schedule, string tenant);
}
