using System.Collections.Concurrent;
using Weir.Lanes;

namespace Weir.Statistics;

/// <summary>
/// Counts in memory what happens to jobs in this instance, by type and queue: called on the way of every job, so it allocates nothing, locks nothing and waits for
/// nothing. <see cref="StatisticsLoop"/> writes what it has counted every 10 s; <see cref="StatisticsReader"/> reads all instances' together.
/// </summary>
internal sealed class JobStatistics(TimeProvider clock)
{
    /// <summary>2.3 KB each, and a property of a row, which has at most 252.</summary>
    internal const int MostSeries = 150;

    /// <summary>The type under which all further types are counted together.</summary>
    internal const string OtherTypes = "(other)";

    private readonly ConcurrentDictionary<SeriesKey, Counters> series = new();
    private TaskCompletionSource something = NewSignal();

    /// <summary>Ends when something has been counted since the last <see cref="Take"/>.</summary>
    public Task Something => Volatile.Read(ref something).Task;

    public void Count(JobEvent what, string type, Queue queue, int times = 1)
    {
        Of(type, queue).Count(what, times);
        Volatile.Read(ref something).TrySetResult();
    }

    /// <summary>An attempt begins.</summary>
    public void Started(JobMessage message, Queue queue)
    {
        if (message.EnqueuedAt is { } since)
            Of(message.Type, queue).Wait(clock.GetUtcNow() - since);
        Count(JobEvent.Started, message.Type, queue);
    }

    /// <summary>An attempt has ended, in whatever way.</summary>
    public void Ran(JobMessage message, Queue queue, TimeSpan time) => Of(message.Type, queue).Run(time);

    /// <summary>A job has ended, and this call's caller is the one who wrote it down.</summary>
    public void Ended(JobEvent how, JobMessage message, Queue queue)
    {
        var since = message is { Attempt: 1, PutOffs: 0, EnqueuedAt: { } enqueued } ? enqueued : message.SubmittedAt;
        if (since is { } start)
            Of(message.Type, queue).EndToEnd(clock.GetUtcNow() - start);
        Count(how, message.Type, queue);
    }

    /// <summary>What has been counted since the last call, in the order of types and queues; from now on it is counted anew.</summary>
    public IReadOnlyList<(SeriesKey Key, Series Series)> Take()
    {
        // First the signal: what is counted from here on is either taken below, or gives it again.
        if (Something.IsCompleted)
            Volatile.Write(ref something, NewSignal());
        return [.. series.OrderBy(one => one.Key.Type, StringComparer.Ordinal).ThenBy(one => one.Key.Queue).Select(one => (one.Key, one.Value.Take())).Where(one => !one.Item2.IsEmpty)];
    }

    private Counters Of(string type, Queue queue)
    {
        if (series.TryGetValue(new SeriesKey(type, queue), out var known))
            return known;
        // The queue's own line for the rest, so that its totals are right.
        var key = new SeriesKey(series.Count < MostSeries - Enum.GetValues<Queue>().Length ? type : OtherTypes, queue);
        return series.GetOrAdd(key, static _ => new Counters());
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Numbers in one array: the events, then for each of the three durations its buckets and their sum in microseconds.</summary>
    private sealed class Counters
    {
        private const int Duration = Latencies.Buckets + 1;

        private static readonly int Events = Enum.GetValues<JobEvent>().Length;

        private readonly long[] cells = new long[Events + 3 * Duration];

        public void Count(JobEvent what, int times) => Interlocked.Add(ref cells[(int)what], times);

        public void Run(TimeSpan time) => Add(0, time);

        public void Wait(TimeSpan time) => Add(1, time);

        public void EndToEnd(TimeSpan time) => Add(2, time);

        public Series Take()
        {
            var taken = new Series();
            for (var what = 0; what < Events; what++)
                taken.Add((JobEvent)what, Interlocked.Exchange(ref cells[what], 0));
            Take(0, taken.Run);
            Take(1, taken.Wait);
            Take(2, taken.EndToEnd);
            return taken;
        }

        private void Add(int duration, TimeSpan time)
        {
            if (time < TimeSpan.Zero)
                time = TimeSpan.Zero; // two clocks
            var first = Events + duration * Duration;
            Interlocked.Increment(ref cells[first + Latencies.BucketOf(time)]);
            Interlocked.Add(ref cells[first + Latencies.Buckets], time.Ticks / TimeSpan.TicksPerMicrosecond);
        }

        private void Take(int duration, Latencies into)
        {
            var first = Events + duration * Duration;
            for (var bucket = 0; bucket < Latencies.Buckets; bucket++)
            {
                if (Volatile.Read(ref cells[first + bucket]) > 0)
                    into.Add(bucket, Interlocked.Exchange(ref cells[first + bucket], 0));
            }
            into.AddSum(TimeSpan.FromMicroseconds(Interlocked.Exchange(ref cells[first + Latencies.Buckets], 0)));
        }
    }
}
