using Azure.Data.Tables;

namespace Weir.Schedules;

/// <summary>A schedule as its row in the table holds it.</summary>
internal static class ScheduleRow
{
    private const string ScheduleTenant = "Tenant";
    private const string ScheduleName = "Name";

    public static TableEntity Write(Schedule schedule, TableEntity row)
    {
        var definition = schedule.Definition;
        (row[ScheduleTenant], row[ScheduleName]) = (schedule.Tenant, schedule.Name);
        row[nameof(Schedule.Incarnation)] = schedule.Incarnation;
        row[nameof(Schedule.Revision)] = schedule.Revision;
        row[nameof(Schedule.Cursor)] = schedule.Cursor;
        row[nameof(Schedule.CreatedAt)] = schedule.CreatedAt;
        row[nameof(Schedule.ChangedAt)] = schedule.ChangedAt;
        row[nameof(Schedule.ChangedBy)] = schedule.ChangedBy;
        row[nameof(Schedule.FiredCount)] = schedule.FiredCount;
        row[nameof(Schedule.SkippedCount)] = schedule.SkippedCount;
        row[nameof(definition.TimeZone)] = definition.TimeZone;
        row[nameof(definition.Missed)] = definition.Missed.ToString();
        row[nameof(definition.MissedLimit)] = definition.MissedLimit;
        row[nameof(definition.Overlap)] = definition.Overlap.ToString();
        row[nameof(definition.Submission)] = System.Text.Encoding.UTF8.GetBytes(definition.Submission);
        Put(nameof(definition.Cron), definition.Cron);
        Put(nameof(definition.At), definition.At);
        Put(nameof(definition.Start), definition.Start);
        Put(nameof(definition.End), definition.End);
        Put(nameof(Schedule.DueAt), schedule.DueAt);
        Put(nameof(Schedule.JudgedUntil), schedule.JudgedUntil);
        Put(nameof(Schedule.Decided), schedule.Decided);
        if (schedule.Pause is { } pause)
        {
            Put(Column.PausedSince, pause.Since);
            Put(Column.PausedBy, pause.By);
            Put(Column.PauseReason, pause.Reason);
            Put(Column.PausedUntil, pause.Until);
        }
        if (schedule.Last is { } last)
        {
            Put(Column.LastOccurrence, last.Occurrence);
            Put(Column.LastJobId, last.JobId);
            Put(Column.LastFiredAt, last.At);
        }
        if (schedule.LastError is { } error)
        {
            Put(Column.ErrorAt, error.At);
            Put(Column.ErrorOccurrence, error.Occurrence);
            Put(Column.ErrorCode, error.Code);
            Put(Column.ErrorDetail, error.Detail);
        }
        return row;

        void Put(string name, object? value)
        {
            if (value is not null)
                row[name] = value;
        }
    }

    public static Schedule Read(TableEntity row)
    {
        var definition = new ScheduleDefinition(
            row.GetString(nameof(ScheduleDefinition.Cron)), Time(nameof(ScheduleDefinition.At)), Text(nameof(ScheduleDefinition.TimeZone)), Time(nameof(ScheduleDefinition.Start)), Time(nameof(ScheduleDefinition.End)),
            Enum.Parse<MissedPolicy>(Text(nameof(ScheduleDefinition.Missed))), row.GetInt32(nameof(ScheduleDefinition.MissedLimit)) ?? ScheduleDefinition.DefaultMissed,
            Enum.Parse<OverlapPolicy>(Text(nameof(ScheduleDefinition.Overlap))), System.Text.Encoding.UTF8.GetString(row.GetBinary(nameof(ScheduleDefinition.Submission)) ?? []));
        return new Schedule(
            Text(ScheduleTenant), Text(ScheduleName), Text(nameof(Schedule.Incarnation)), row.GetInt32(nameof(Schedule.Revision)) ?? 1, definition, Time(nameof(Schedule.Cursor)) ?? default, Time(nameof(Schedule.DueAt)))
        {
            CreatedAt = Time(nameof(Schedule.CreatedAt)) ?? default,
            ChangedAt = Time(nameof(Schedule.ChangedAt)) ?? default,
            ChangedBy = Text(nameof(Schedule.ChangedBy)),
            Pause = row.GetString(Column.PausedBy) is { } by ? new Pause(Time(Column.PausedSince) ?? default, by, Text(Column.PauseReason), Time(Column.PausedUntil)) : null,
            JudgedUntil = Time(nameof(Schedule.JudgedUntil)),
            Decided = Time(nameof(Schedule.Decided)),
            Last = row.GetString(Column.LastJobId) is { } jobId ? new Fired(Time(Column.LastOccurrence) ?? default, jobId, Time(Column.LastFiredAt) ?? default) : null,
            FiredCount = row.GetInt64(nameof(Schedule.FiredCount)) ?? 0,
            SkippedCount = row.GetInt64(nameof(Schedule.SkippedCount)) ?? 0,
            LastError = row.GetString(Column.ErrorCode) is { } code ? new ScheduleError(Time(Column.ErrorAt) ?? default, Time(Column.ErrorOccurrence), code, Text(Column.ErrorDetail)) : null,
            ETag = row.ETag,
        };

        DateTimeOffset? Time(string name) => row.GetDateTimeOffset(name);

        string Text(string name) => row.GetString(name) ?? throw new InvalidDataException($"The schedule {row.RowKey} has no {name}: it was not written by Weir, or damaged.");
    }

    private static class Column
    {
        public const string PausedSince = "PausedSince";
        public const string PausedBy = "PausedBy";
        public const string PauseReason = "PauseReason";
        public const string PausedUntil = "PausedUntil";
        public const string LastOccurrence = "LastOccurrence";
        public const string LastJobId = "LastJobId";
        public const string LastFiredAt = "LastFiredAt";
        public const string ErrorAt = "ErrorAt";
        public const string ErrorOccurrence = "ErrorOccurrence";
        public const string ErrorCode = "ErrorCode";
        public const string ErrorDetail = "ErrorDetail";
    }
}
