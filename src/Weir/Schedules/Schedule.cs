using Azure;
using Weir.Submission;

namespace Weir.Schedules;

/// <summary>What becomes of occurrences that nobody fired within <see cref="Judgement.Tolerance"/> of their time.</summary>
internal enum MissedPolicy
{
    /// <summary>The newest is made up for, unless a later one is due as well.</summary>
    Last,

    Skip,

    /// <summary>The newest ones are, up to a limit.</summary>
    All,
}

/// <summary>What becomes of an occurrence while the job of the one before has not ended.</summary>
internal enum OverlapPolicy
{
    Allow,
    Skip,

    /// <summary>That job is cancelled.</summary>
    Replace,
}

/// <summary>What somebody wants to be run, and when: all that a PUT says.</summary>
/// <param name="Cron">The expression; null when it is due once, at <paramref name="At"/>.</param>
/// <param name="Submission">The submission of each job, as JSON.</param>
internal sealed record ScheduleDefinition(
    string? Cron, DateTimeOffset? At, string TimeZone, DateTimeOffset? Start, DateTimeOffset? End, MissedPolicy Missed, int MissedLimit, OverlapPolicy Overlap, string Submission)
{
    public const int MostMissed = 1_000;
    public const int DefaultMissed = 100;

    /// <summary>When it is due.</summary>
    /// <exception cref="InvalidTimeZoneException">This machine does not have the zone.</exception>
    public Timetable Timetable()
    {
        var zone = TimeZones.Find(TimeZone) ?? throw new InvalidTimeZoneException($"This instance has no time zone '{TimeZone}'.");
        if (At is { } once)
            return new Timetable(once, zone);
        var cron = CronExpression.Parse(Cron!, out var wrong) ?? throw new InvalidDataException($"The cron expression of a schedule cannot be read: {wrong}");
        return new Timetable(cron, zone, Start, End);
    }

    public bool IsDueAs(ScheduleDefinition other) =>
        (Cron, At, TimeZone, Start, End) == (other.Cron, other.At, other.TimeZone, other.Start, other.End);
}

/// <summary>A schedule as it stands: its definition, and how far it has come.</summary>
/// <param name="Incarnation">Tells it from others that had its name before it: part of its jobs' ids.</param>
/// <param name="Cursor">Every occurrence up to this moment has been dealt with.</param>
/// <param name="DueAt">When it is to be looked at again; null never, since nothing will be due.</param>
internal sealed record Schedule(string Tenant, string Name, string Incarnation, int Revision, ScheduleDefinition Definition, DateTimeOffset Cursor, DateTimeOffset? DueAt)
{
    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ChangedAt { get; init; }

    public required string ChangedBy { get; init; }

    public Pause? Pause { get; init; }

    /// <summary>Occurrences up to this moment have been judged: those after the cursor are fired, however late it gets.</summary>
    public DateTimeOffset? JudgedUntil { get; init; }

    /// <summary>An occurrence that is to be fired, whatever the overlap policy would say of it now. Once written, it is no longer a question.</summary>
    public DateTimeOffset? Decided { get; init; }

    public Fired? Last { get; init; }

    public long FiredCount { get; init; }

    /// <summary>How many were passed over because the job before had not ended.</summary>
    public long SkippedCount { get; init; }

    public ScheduleError? LastError { get; init; }

    /// <summary>The row's; null for one that is not there yet.</summary>
    public ETag? ETag { get; init; }

    public bool IsEnded => DueAt is null && Pause is null;

    /// <summary>The id of an occurrence's job. No client can make it: a type's name holds no space.</summary>
    public string JobIdOf(DateTimeOffset occurrence) =>
        JobId.FromKey(Tenant, "schedule occurrence", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Incarnation}/{occurrence.UtcTicks}"));
}

/// <param name="Until">When it goes on by itself; null never.</param>
internal sealed record Pause(DateTimeOffset Since, string By, string Reason, DateTimeOffset? Until);

/// <summary>The last job of a schedule.</summary>
internal sealed record Fired(DateTimeOffset Occurrence, string JobId, DateTimeOffset At);

/// <summary>An occurrence that made no job, and why.</summary>
internal sealed record ScheduleError(DateTimeOffset At, DateTimeOffset? Occurrence, string Code, string Detail);
