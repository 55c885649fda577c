using System.Globalization;

namespace Unit.Tests.Schedules;

/// <summary>
/// When a cron expression is due, found out the slow way: every minute (or second) of a span is looked at, with the clocks of the zone beside it. Shares nothing with the product but
/// the machine's time zones: its own reading of the expression, no search.
/// </summary>
internal sealed class TimetableOracle
{
    /// <summary>How far before the span it begins to look, so that it knows which times the clocks have shown before.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromHours(26);

    private readonly bool[][] fields;
    private readonly bool isInterval;
    private readonly TimeZoneInfo zone;
    private readonly TimeSpan step;

    public TimetableOracle(string cron, TimeZoneInfo zone, TimeSpan step)
    {
        var parts = cron.Split(' ');
        if (parts.Length == 5)
            parts = ["0", .. parts];
        int[] most = [59, 59, 23, 31, 12, 6];
        fields = [.. parts.Select((part, index) => Values(part, most[index]))];
        isInterval = parts[2].Split(',').Select(part => part.EndsWith("/1", StringComparison.Ordinal) ? part[..^2] : part).Any(part => part == "*" || (part.Contains('-') && !part.Contains('/')));
        (this.zone, this.step) = (zone, step);
    }

    public List<DateTimeOffset> Between(DateTimeOffset from, DateTimeOffset to)
    {
        var due = new List<DateTimeOffset>();
        var seen = new HashSet<DateTime>();
        var before = Local(from - Memory - step);
        for (var moment = from - Memory; moment < to; moment += step)
        {
            var shown = Local(moment);
            var isDue = isInterval ? Fits(shown) : IsDueOnce(before, shown, seen);
            if (isDue && moment >= from)
                due.Add(moment);
            before = shown;
        }
        return due;
    }

    private bool IsDueOnce(DateTime before, DateTime shown, HashSet<DateTime> seen)
    {
        var isDue = false;
        for (var time = before + step; time <= shown; time += step)
            isDue |= seen.Add(time) && Fits(time);
        return isDue || (seen.Add(shown) && Fits(shown));
    }

    private bool Fits(DateTime time) =>
        fields[0][time.Second] && fields[1][time.Minute] && fields[2][time.Hour] && fields[3][time.Day] && fields[4][time.Month] && fields[5][(int)time.DayOfWeek];

    private DateTime Local(DateTimeOffset moment) => moment.UtcDateTime + zone.GetUtcOffset(moment.UtcDateTime);

    private static bool[] Values(string field, int most)
    {
        var values = new bool[most + 1];
        foreach (var part in field.Split(','))
        {
            var (range, every) = part.Split('/') is [var whole, var count] ? (whole, Number(count)) : (part, 1);
            var (first, last) = range == "*" ? (most is 31 or 12 ? 1 : 0, most) : range.Split('-') is [var low, var high] ? (Number(low), Number(high)) : (Number(range), Number(range));
            for (var value = first; value <= last; value += every)
                values[value] = true;
        }
        return values;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
