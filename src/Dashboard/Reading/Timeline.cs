using Weir.Statistics;

namespace Dashboard.Reading;

/// <summary>What happened in one minute, on all instances. Times are in seconds; null where nothing was measured.</summary>
internal sealed record TimePoint(DateTimeOffset At, double Seconds, long Submitted, long Started, long Succeeded, long Retried, long DeadLettered, long Refused, double? WaitP50, double? WaitP95, double? WaitP99, double? EndP50, double? EndP95, double? EndP99);

/// <summary>The last hour, minute by minute. Remembered for some seconds, so that many open pages cost one reading.</summary>
internal sealed class Timeline(StatisticsTable table, TimeProvider clock)
{
    public const int Minutes = 60;

    private static readonly TimeSpan Step = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private (DateTimeOffset At, Task<IReadOnlyList<TimePoint>> Points)? known;

    public Task<IReadOnlyList<TimePoint>> ReadAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (known is not { } last || last.At + Remembered <= now || last.Points.IsFaulted)
                known = (now, ReadAsync(now));
            return known.Value.Points.WaitAsync(cancellation);
        }
    }

    private async Task<IReadOnlyList<TimePoint>> ReadAsync(DateTimeOffset now)
    {
        var end = new DateTimeOffset(now.UtcTicks - now.UtcTicks % Step.Ticks, TimeSpan.Zero) + Step;
        var start = end - Minutes * Step;
        var sums = new Series[Minutes];
        foreach (var row in await table.ReadAsync(start, now, CancellationToken.None))
        {
            var minute = (int)((row.To - start) / Step);
            if (minute is < 0 or >= Minutes)
                continue;
            foreach (var (_, series) in row.Series)
                (sums[minute] ??= new Series()).Add(series);
        }
        return [.. sums.Select((sum, minute) => Point(start + minute * Step, minute == Minutes - 1 ? Math.Max(1, (now - end + Step).TotalSeconds) : Step.TotalSeconds, sum ?? new Series()))];
    }

    private static TimePoint Point(DateTimeOffset at, double seconds, Series sum) => new(
        at, seconds, sum[JobEvent.Submitted], sum[JobEvent.Started], sum[JobEvent.Succeeded], sum[JobEvent.Retried], sum[JobEvent.DeadLettered], sum[JobEvent.Refused],
        Of(sum.Wait, 0.5), Of(sum.Wait, 0.95), Of(sum.Wait, 0.99), Of(sum.EndToEnd, 0.5), Of(sum.EndToEnd, 0.95), Of(sum.EndToEnd, 0.99));

    private static double? Of(Latencies times, double share) => times.Percentile(share)?.TotalSeconds;
}
