using System.Text.RegularExpressions;
using NCrontab;

namespace Weir.Schedules;

/// <summary>
/// A cron expression of 5 fields, or 6 with the seconds first, over calendar times without a zone. A day must fit its month, its day of the
/// month and its day of the week, all three, as for a timer trigger.
/// </summary>
internal sealed partial class CronExpression
{
    public const int MaxLength = 200;

    /// <summary>The longest way from one occurrence to the next is 40 years (a 29 February on a given weekday, across 2100).</summary>
    private const int HorizonYears = 41;

    private static readonly CrontabFieldKind[] WithSeconds =
        [CrontabFieldKind.Second, CrontabFieldKind.Minute, CrontabFieldKind.Hour, CrontabFieldKind.Day, CrontabFieldKind.Month, CrontabFieldKind.DayOfWeek];

    private static readonly string[] Names = ["second", "minute", "hour", "day of month", "month", "day of week"];

    private readonly CrontabField[] fields;

    private CronExpression(string text, CrontabField[] fields, bool isInterval) => (Text, this.fields, IsInterval) = (text, fields, isInterval);

    public string Text { get; }

    /// <summary>
    /// Its hours are "*" or a range: it goes on through the hours, so it also does where the clocks are put back. Hours that are listed, or taken in steps,
    /// mean those times of the day, each once.
    /// </summary>
    public bool IsInterval { get; }

    /// <summary>Reads an expression, or says which field is wrong and why.</summary>
    public static CronExpression? Parse(string text, out string? wrong)
    {
        wrong = null;
        var parts = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (text.Length > MaxLength || parts.Length is not (5 or 6))
        {
            wrong = text.Length > MaxLength
                ? $"expected at most {MaxLength} characters, got {text.Length}"
                : $"expected 5 fields (minute, hour, day of month, month, day of week) or 6 (second first), got {parts.Length}";
            return null;
        }
        if (parts.Length == 5)
            parts = ["0", .. parts];
        var fields = new CrontabField[6];
        for (var index = 0; index < 6; index++)
        {
            var why = StepOfNothing().IsMatch(parts[index]) ? "a step is 1 or more" : CrontabField.TryParse(WithSeconds[index], parts[index], field => Keep(fields, index, field), error => error().Message);
            if (why is null)
                continue;
            wrong = $"the {Names[index]} '{parts[index]}' is not valid: {why}";
            return null;
        }
        return new CronExpression(string.Join(' ', parts), fields, parts[2].Split(',').Any(part => Interval().IsMatch(part)));
    }

    /// <summary>The first time that fits, from a whole second on; null when there is none before the horizon.</summary>
    public DateTime? FirstFrom(DateTime from)
    {
        var (second, minute, hour, day, month, weekday) = (fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]);
        if (TimeFrom(from.TimeOfDay) is { } today && Fits(from.Date))
            return from.Date + today;

        var first = new TimeSpan(hour.GetFirst(), minute.GetFirst(), second.GetFirst());
        var lastYear = Math.Min(from.Year + HorizonYears, DateTime.MaxValue.Year - 1);
        for (var date = from.Date.AddDays(1); date.Year <= lastYear; date = date.AddDays(1))
        {
            if (!month.Contains(date.Month))
            {
                date = new DateTime(date.Year, date.Month, DateTime.DaysInMonth(date.Year, date.Month)); // the loop adds the day
                continue;
            }
            if (Fits(date))
                return date + first;
        }
        return null;

        bool Fits(DateTime date) => month.Contains(date.Month) && day.Contains(date.Day) && weekday.Contains((int)date.DayOfWeek);
    }

    /// <summary>The first time of a day that fits, from one on.</summary>
    private TimeSpan? TimeFrom(TimeSpan from)
    {
        var (seconds, minutes, hours) = (fields[0], fields[1], fields[2]);
        var (second, minute, hour) = (From(seconds, from.Seconds), from.Minutes, from.Hours);
        if (second < 0)
            (second, minute) = (seconds.GetFirst(), minute + 1);
        if (From(minutes, minute) is var fittingMinute && fittingMinute != minute)
            second = seconds.GetFirst();
        if (fittingMinute < 0)
            (fittingMinute, second, hour) = (minutes.GetFirst(), seconds.GetFirst(), hour + 1);
        if (From(hours, hour) is var fittingHour && fittingHour != hour)
            (fittingMinute, second) = (minutes.GetFirst(), seconds.GetFirst());
        return fittingHour < 0 ? null : new TimeSpan(fittingHour, fittingMinute, second);
    }

    private static int From(CrontabField field, int value) => value > 59 ? -1 : field.Next(value);

    private static string? Keep(CrontabField[] fields, int index, CrontabField field)
    {
        fields[index] = field;
        return null;
    }

    [GeneratedRegex("/0+(,|\\z)")]
    private static partial Regex StepOfNothing();

    [GeneratedRegex(@"\A(\*|[0-9]+-[0-9]+)(/1)?\z")]
    private static partial Regex Interval();
}
