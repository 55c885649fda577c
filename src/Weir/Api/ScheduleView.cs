using System.Text.Json;
using Weir.Schedules;

namespace Weir.Api;

/// <summary>Where a schedule stands.</summary>
internal enum ScheduleState
{
    Active,
    Paused,

    /// <summary>Nothing more will be due.</summary>
    Ended,
}

/// <summary>A schedule as GET shows it: what was put, and how far it has come.</summary>
internal sealed record ScheduleView(
    string Name, string Tenant, ScheduleState State, string? Cron, DateTimeOffset? At, string TimeZone, DateTimeOffset? Start, DateTimeOffset? End, MissedPolicy Missed, int? MissedLimit, OverlapPolicy Overlap,
    string? Type, JsonElement? Payload, JsonElement? Options, IReadOnlyList<OccurrenceView> Next, PauseView? Pause, FiredView? Last, long Fired, long Skipped, ScheduleErrorView? LastError,
    DateTimeOffset CreatedAt, DateTimeOffset ChangedAt, string ChangedBy, int Revision, string Etag, ScheduleLinksView Links)
{
    private const int Shown = 5;

    /// <param name="withPayload">In a list it would be most of the answer.</param>
    public static ScheduleView Of(Schedule schedule, DateTimeOffset now, bool withPayload)
    {
        var definition = schedule.Definition;
        var submission = JsonElement.Parse(definition.Submission);
        var links = new ScheduleLinksView($"/api/schedules/{schedule.Name}");
        return new ScheduleView(
            schedule.Name, schedule.Tenant, schedule.Pause is not null ? ScheduleState.Paused : schedule.IsEnded ? ScheduleState.Ended : ScheduleState.Active,
            definition.Cron, definition.At, definition.TimeZone, definition.Start, definition.End, definition.Missed, definition.Missed == MissedPolicy.All ? definition.MissedLimit : null, definition.Overlap,
            submission.GetProperty("type").GetString(), withPayload ? submission.GetProperty("payload") : null, OptionsOf(submission), NextOf(schedule, now),
            schedule.Pause is { } pause ? new PauseView(pause.By, pause.Reason, pause.Since, pause.Until) : null,
            schedule.Last is { } last ? new FiredView(last.Occurrence, last.At, last.JobId, LinksView.Of(last.JobId)) : null, schedule.FiredCount, schedule.SkippedCount,
            schedule.LastError is { } error ? new ScheduleErrorView(error.At, error.Occurrence, error.Code, error.Detail) : null,
            schedule.CreatedAt, schedule.ChangedAt, schedule.ChangedBy, schedule.Revision, Precondition.TagOf(schedule), links);
    }

    /// <summary>What was said of its jobs beside type and payload.</summary>
    private static JsonElement? OptionsOf(JsonElement submission)
    {
        var options = submission.EnumerateObject().Where(field => field.Name is not ("type" or "payload")).ToDictionary(field => field.Name, field => field.Value);
        return options.Count == 0 ? null : JsonSerializer.SerializeToElement(options);
    }

    /// <summary>What is due next, in UTC and as the clocks of its zone will show it; nothing while nobody knows when it goes on.</summary>
    private static List<OccurrenceView> NextOf(Schedule schedule, DateTimeOffset now)
    {
        var next = new List<OccurrenceView>();
        if (schedule.IsEnded || schedule.Pause is { Until: null } || TimeZones.Find(schedule.Definition.TimeZone) is null)
            return next;
        var timetable = schedule.Definition.Timetable();
        var after = new[] { now, schedule.Cursor, schedule.Pause?.Until?.AddTicks(-1) ?? now }.Max();
        while (next.Count < Shown && timetable.Next(after) is { } occurrence)
        {
            next.Add(new OccurrenceView(occurrence, timetable.Local(occurrence)));
            after = occurrence;
        }
        return next;
    }
}

internal sealed record OccurrenceView(DateTimeOffset At, DateTimeOffset Local);

internal sealed record PauseView(string By, string Reason, DateTimeOffset Since, DateTimeOffset? Until);

internal sealed record FiredView(DateTimeOffset Occurrence, DateTimeOffset FiredAt, string JobId, LinksView Links);

internal sealed record ScheduleErrorView(DateTimeOffset At, DateTimeOffset? Occurrence, string Code, string Detail);

internal sealed record ScheduleLinksView(string Self)
{
    public string Run => $"{Self}/run";
}

internal sealed record ScheduleListView(IReadOnlyList<ScheduleView> Schedules, string? Cursor);
