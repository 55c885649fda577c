using System.Globalization;
using NCrontab;

namespace AzureLocal.Functions;

/// <summary>When a timer fires: a cron expression with or without seconds, or an interval. All in UTC, as on Flex Consumption.</summary>
internal sealed class TimerSchedule
{
    private readonly CrontabSchedule? cron;
    private readonly TimeSpan interval;

    private TimerSchedule(CrontabSchedule? cron, TimeSpan interval) => (this.cron, this.interval) = (cron, interval);

    /// <summary>Null when it is neither.</summary>
    public static TimerSchedule? Parse(string expression)
    {
        var withSeconds = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length == 6;
        if (CrontabSchedule.TryParse(expression, new CrontabSchedule.ParseOptions { IncludingSeconds = withSeconds }) is { } cron)
            return new TimerSchedule(cron, default);
        var isInterval = TimeSpan.TryParse(expression, CultureInfo.InvariantCulture, out var interval) && interval > TimeSpan.Zero;
        return isInterval ? new TimerSchedule(null, interval) : null;
    }

    /// <summary>Occurrences under a minute apart are not worth remembering: the next is near.</summary>
    public bool IsWorthMonitoring(DateTime now)
    {
        var first = Next(now);
        return Next(first) - first >= TimeSpan.FromMinutes(1);
    }

    public DateTime Next(DateTime after) =>
        cron is null ? after + interval : DateTime.SpecifyKind(cron.GetNextOccurrence(after), DateTimeKind.Utc);
}
