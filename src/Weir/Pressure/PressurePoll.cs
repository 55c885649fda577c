using Azure.Messaging.ServiceBus.Administration;
using Microsoft.Extensions.Logging;
using Weir.Lanes;
using Weir.Statistics;

namespace Weir.Pressure;

/// <summary>
/// Finds out how deep the queues are and how fast they drain: three calls of the broker's administration, each as dear as ten messages, and a query of the last minute's
/// statistics. So one instance at a time does it (<see cref="PressureWatch"/>).
/// </summary>
internal sealed partial class PressurePoll(ServiceBusAdministrationClient administration, StatisticsTable statistics, PressureOptions options, TimeProvider clock, ILogger<PressurePoll> logger)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>All instances write at each full 10 s; their rows are there a little later.</summary>
    private static readonly TimeSpan Lag = TimeSpan.FromSeconds(1.5);

    /// <summary>Who has taken nothing for so long takes nothing now.</summary>
    private static readonly TimeSpan TakesNow = TimeSpan.FromSeconds(25);

    public async Task<PressureReading> ReadAsync(PressureReading before, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var rows = await statistics.ReadTotalsAsync(now - Minute - 2 * StatisticsLoop.Interval, now, cancellation);
        var countedUntil = LastFull(now - Lag);
        var queues = new List<QueuePressure>();
        foreach (var queue in Enum.GetValues<Queue>())
        {
            var found = (await administration.GetQueueRuntimePropertiesAsync(QueueNames.Of(queue), cancellation)).Value;
            queues.Add(After(before, queue, found.ActiveMessageCount, found.ScheduledMessageCount, rows, countedUntil, now));
        }
        var takers = rows.Where(row => row.To > now - TakesNow && row.Of.Values.Any(one => one.Submitted + one.Refused > 0)).Select(row => row.Instance).Distinct(StringComparer.Ordinal).Count();
        return new PressureReading(now, countedUntil, Math.Max(takers, 1), queues);
    }

    private QueuePressure After(PressureReading before, Queue queue, long depth, long scheduled, IReadOnlyList<QueueCounts> rows, DateTimeOffset countedUntil, DateTimeOffset now)
    {
        var (limits, last) = (options.Of(queue), before.Of(queue));
        var drain = last.Drain;
        // After a pause of the polling the last minute is enough.
        for (var from = Latest(before.CountedUntil, countedUntil - Minute); from < countedUntil; from += StatisticsLoop.Interval)
            drain = drain.Counted(PerSecond(rows, from, from + StatisticsLoop.Interval, row => row.Of[queue].Started), from, from + StatisticsLoop.Interval);
        drain = drain.Seen(depth, limits.MinDepth, now);

        var found = new QueuePressure(
            queue, last.Level, last.Since, depth, scheduled,
            PerSecond(rows, countedUntil - Minute, countedUntil, row => row.Of[queue].Submitted), PerSecond(rows, countedUntil - Minute, countedUntil, row => row.Of[queue].Started), drain);
        var level = LevelRule.After(last.Level, depth, found.EstimatedWait, limits);
        return level == last.Level && last.Since != default ? found : found with { Level = level, Since = now };
    }

    /// <summary>Says which levels have changed, why, and for how long; by whoever has written the reading, so once.</summary>
    public void Tell(PressureReading before, PressureReading now)
    {
        foreach (var (was, queue) in before.Queues.Zip(now.Queues))
        {
            if (was.Level == queue.Level)
                continue;
            var (limits, name) = (options.Of(queue.Queue), queue.Queue.ToString().ToLowerInvariant());
            if (queue.Level > was.Level)
                LogRose(name, queue.Level, was.Level, queue.Cause(limits), queue.EstimatedWait?.TotalSeconds, queue.ExpectedDuration(limits) is { } time ? $"it lasts about {time.TotalSeconds:0} s more" : "there is no end as long as so many come");
            else
                LogFell(name, queue.Level, was.Level, queue.Cause(limits), queue.EstimatedWait?.TotalSeconds, (queue.Since - was.Since).TotalSeconds);
        }
    }

    /// <summary>A row lies over 10 s, or over more if it could not be written at once: of each the part that lies in the interval.</summary>
    private static double PerSecond(IReadOnlyList<QueueCounts> rows, DateTimeOffset from, DateTimeOffset to, Func<QueueCounts, long> count)
    {
        var sum = 0.0;
        foreach (var row in rows)
        {
            var (first, last) = (Latest(row.From, from), row.To < to ? row.To : to);
            if (first < last && row.To > row.From)
                sum += count(row) * ((last - first) / (row.To - row.From));
        }
        return sum / (to - from).TotalSeconds;
    }

    private static DateTimeOffset LastFull(DateTimeOffset time) => time.AddTicks(-(time.Ticks % StatisticsLoop.Interval.Ticks));

    private static DateTimeOffset Latest(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    [LoggerMessage(2050, LogLevel.Warning, "The pressure of queue {Queue} is {Level} (it was {Before}): {Cause}. A new job waits about {EstimatedWait:0} s; {Duration}")]
    private partial void LogRose(string queue, PressureLevel level, PressureLevel before, string cause, double? estimatedWait, string duration);

    [LoggerMessage(2051, LogLevel.Information, "The pressure of queue {Queue} is {Level} again (it was {Before}): {Cause}. A new job waits about {EstimatedWait:0} s; it lasted {Seconds:0} s")]
    private partial void LogFell(string queue, PressureLevel level, PressureLevel before, string cause, double? estimatedWait, double seconds);
}
