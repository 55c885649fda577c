namespace Weir.Statistics;

/// <summary>
/// What happened to jobs lately, on all instances together. To read it:
/// <code>
/// var last = await reader.ReadAsync(TimeSpan.FromMinutes(15), cancellation);
/// var welcome = last.OfType("email.welcome");              // all its queues; last.Of(new("email.welcome", Queue.Bulk)) is one of them
/// welcome[JobEvent.Started] / last.Window.TotalSeconds     // starts per second
/// welcome.Run.Mean, welcome.Run.Percentile(0.99)           // the service time: how long an attempt holds a worker
/// welcome.Wait.Percentile(0.5)                             // the wait
/// welcome.Run.Counts, Latencies.UpperBound(bucket)         // the whole distribution
/// </code>
/// It lags by up to 10 s, and the answer is remembered for some seconds: ask as often as you like.
/// </summary>
internal sealed class StatisticsReader(StatisticsTable table, TimeProvider clock)
{
    public static readonly TimeSpan LongestWindow = TimeSpan.FromHours(1);

    private static readonly TimeSpan ShortestWindow = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    /// <summary>Windows are whole minutes, so at most 60 are known at once.</summary>
    private readonly Dictionary<int, (DateTimeOffset At, Task<StatisticsView> View)> known = [];
    private readonly Lock gate = new();

    /// <param name="window">1 minute to 1 hour; rounded up to whole minutes.</param>
    /// <param name="cancellation">Ends the waiting, not the reading: others may wait for it too.</param>
    public Task<StatisticsView> ReadAsync(TimeSpan window, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(window, ShortestWindow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, LongestWindow);
        var minutes = (int)Math.Ceiling(window.TotalMinutes);
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (!known.TryGetValue(minutes, out var last) || last.At + Remembered <= now || last.View.IsFaulted || last.View.IsCanceled)
                known[minutes] = last = (now, ReadAsync(TimeSpan.FromMinutes(minutes), now));
            return last.View.WaitAsync(cancellation);
        }
    }

    private async Task<StatisticsView> ReadAsync(TimeSpan window, DateTimeOffset now)
    {
        var series = new Dictionary<SeriesKey, Series>();
        foreach (var row in await table.ReadAsync(now - window, now, CancellationToken.None))
        {
            foreach (var (key, counted) in row.Series)
            {
                if (!series.TryGetValue(key, out var sum))
                    series.Add(key, sum = new Series());
                sum.Add(counted);
            }
        }
        return new StatisticsView(now, window, series);
    }
}

/// <summary>What happened in a window of time on all instances.</summary>
internal sealed class StatisticsView(DateTimeOffset asOf, TimeSpan window, IReadOnlyDictionary<SeriesKey, Series> series)
{
    public DateTimeOffset AsOf => asOf;

    public TimeSpan Window => window;

    /// <summary>Those of which something is known, in the order of type and queue.</summary>
    public IEnumerable<SeriesKey> Keys => series.Keys.OrderBy(key => key.Type, StringComparer.Ordinal).ThenBy(key => key.Queue);

    /// <summary>Empty when nothing is known.</summary>
    public Series Of(SeriesKey key) => series.GetValueOrDefault(key) ?? new Series();

    public Series OfType(string type) => Sum(key => key.Type == type);

    public Series OfQueue(Queue queue) => Sum(key => key.Queue == queue);

    public double PerSecond(long count) => count / window.TotalSeconds;

    private Series Sum(Func<SeriesKey, bool> where)
    {
        var sum = new Series();
        foreach (var key in Keys.Where(where))
            sum.Add(series[key]);
        return sum;
    }
}
