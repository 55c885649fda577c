namespace Weir.Schedules;

/// <summary>
/// When a schedule's jobs are due. Occurrences are moments, in whole seconds, and follow from the schedule and the zone's rules alone: every instance finds the same ones.
/// <para>
/// Where clocks change: a time of the day that is passed over is due at the moment of the change, one that comes twice is due the first time. Intervals (the hours are
/// "*" or a range) go on in elapsed time through both: nothing is made up for times that do not exist, and those that come twice are due twice.
/// </para>
/// </summary>
internal sealed class Timetable
{
    /// <summary>Longer than any stretch of time that comes twice.</summary>
    private static readonly TimeSpan LongestRepeat = TimeSpan.FromHours(25);

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly CronExpression? cron;
    private readonly DateTimeOffset once;
    private readonly LocalTimes local;
    private readonly DateTimeOffset start;
    private readonly DateTimeOffset end;

    public Timetable(CronExpression cron, TimeZoneInfo zone, DateTimeOffset? start, DateTimeOffset? end) =>
        (this.cron, local, this.start, this.end) = (cron, new LocalTimes(zone), start ?? DateTimeOffset.MinValue, end ?? DateTimeOffset.MaxValue);

    public Timetable(DateTimeOffset once, TimeZoneInfo zone) =>
        (this.once, local, start, end) = (once, new LocalTimes(zone), DateTimeOffset.MinValue, DateTimeOffset.MaxValue);

    /// <summary>A moment as the clocks of the schedule's zone show it.</summary>
    public DateTimeOffset Local(DateTimeOffset moment) => local.At(moment);

    /// <summary>The first occurrence after a moment; null when there is none.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        if (cron is null)
            return once > after ? once : null;
        if (after < start)
            after = start.AddTicks(-1);
        var next = cron.IsInterval ? NextOfInterval(cron, after) : NextOfDay(cron, after);
        return next <= end ? next : null;
    }

    /// <summary>
    /// The last occurrence before a moment and after another; null when there is none. Looks back in growing steps, then halves: some fifty looks, however many
    /// occurrences lie between.
    /// </summary>
    public DateTimeOffset? Previous(DateTimeOffset before, DateTimeOffset after)
    {
        if (!(Next(after) < before))
            return null;
        var (low, high) = (before, before);
        for (var step = Second; !(Next(low) < before); step *= 2)
            (low, high) = (before - after > step ? before - step : after, low);

        // There is one after low, and none after high, that lies before the moment.
        while (high - low > Second)
        {
            var middle = low + (high - low) / 2;
            if (Next(middle) < before)
                low = middle;
            else
                high = middle;
        }
        return Next(low);
    }

    private DateTimeOffset? NextOfDay(CronExpression times, DateTimeOffset after)
    {
        // What the clocks have shown before was due by then: later times never stand for earlier moments here.
        var time = times.FirstFrom(SecondAfter(local.At(after).DateTime));
        while (time is { } shown)
        {
            var (first, _) = local.MomentsOf(shown, out var change);
            if ((first ?? change) is var due && due > after)
                return due;
            time = times.FirstFrom(shown + Second);
        }
        return null;
    }

    private DateTimeOffset? NextOfInterval(CronExpression times, DateTimeOffset after)
    {
        var next = NextAsShown(times, after);
        // If the clocks are put back soon, what they show again may come before what they have not shown yet.
        var soon = after + LongestRepeat;
        if (local.OffsetAt(soon) >= local.OffsetAt(after))
            return next;
        var change = local.ChangeWithin(after, soon);
        if (change > next)
            return next;
        var offset = local.OffsetAt(change);
        var again = times.FirstFrom(change.ToOffset(offset).DateTime) is { } shown ? new DateTimeOffset(shown, offset).ToUniversalTime() : next;
        return again < next ? again : next;
    }

    private DateTimeOffset? NextAsShown(CronExpression times, DateTimeOffset after)
    {
        var time = times.FirstFrom(SecondAfter(local.At(after).DateTime));
        while (time is { } shown)
        {
            var (first, second) = local.MomentsOf(shown, out var change);
            if (first > after)
                return first;
            if (second > after)
                return second;
            time = times.FirstFrom(first is null ? local.At(change).DateTime : shown + Second);
        }
        return null;
    }

    private static DateTime SecondAfter(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerSecond + TimeSpan.TicksPerSecond);
}
