namespace Weir.Schedules;

/// <summary>Says of a schedule that was not looked at for a while which occurrences are still to be fired. They are always the newest ones, so where to begin says it all.</summary>
internal static class Judgement
{
    /// <summary>
    /// What is this late is missed; everything younger is fired as if nothing had been. Long enough for a restart or a takeover, short enough that no job of the last hour comes as a
    /// surprise.
    /// </summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(1);

    /// <summary>From where on, exclusively, and until when occurrences are to be fired.</summary>
    public static (DateTimeOffset Cursor, DateTimeOffset Until) Of(Schedule schedule, Timetable timetable, DateTimeOffset now)
    {
        var onTime = now - Tolerance;
        if (!(timetable.Next(schedule.Cursor) < onTime))
            return (schedule.Cursor, now);
        if (timetable.Next(schedule.Cursor) <= schedule.JudgedUntil)
            return (schedule.Cursor, schedule.JudgedUntil < onTime ? schedule.JudgedUntil.Value : now);

        var first = schedule.Definition.Missed switch
        {
            MissedPolicy.All => Newest(schedule, timetable, onTime, schedule.Definition.MissedLimit),
            MissedPolicy.Last when !(timetable.Next(onTime.AddTicks(-1)) <= now) => Newest(schedule, timetable, onTime, 1),
            _ => onTime,
        };
        return (first.AddTicks(-1), now);
    }

    private static DateTimeOffset Newest(Schedule schedule, Timetable timetable, DateTimeOffset before, int most)
    {
        for (; most > 0 && timetable.Previous(before, schedule.Cursor) is { } occurrence; most--)
            before = occurrence;
        return before;
    }
}
