using System.Collections.Concurrent;
using Weir.Lanes;
using Weir.Telemetry;

namespace Weir.Statistics;

/// <summary>
/// Counts in memory what happens to jobs in this instance, by type and queue: called on the way of every job, so it allocates nothing, locks nothing and waits for
/// nothing. <see cref="StatisticsLoop"/> writes what it has counted every 10 s; <see cref="StatisticsReader"/> reads all instances' together. Each event goes on to <see cref="JobMetrics"/> from
/// here, with the tenant and the reason, which the table does not keep: so both always count the same.
/// </summary>
internal sealed class JobStatistics(TimeProvider clock)
{
    /// <summary>2.3 KB each, and a property of a row, which has at most 252.</summary>
    internal const int MostSeries = 150;

    /// <summary>The type under which all further types are counted together.</summary>
    internal const string OtherTypes = "(other)";

    private readonly ConcurrentDictionary<SeriesKey, Counters> series = new();
    private readonly BoundedNames tenants = new(JobMetrics.MostTenants);
    private TaskCompletionSource something = NewSignal();

    /// <summary>Ends when something has been counted since the last <see cref="Take"/>.</summary>
    public Task Something => Volatile.Read(ref something).Task;

    /// <param name="what">What has happened.</param>
    /// <param name="type">The job's type.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="tenant">Whose job it is.</param>
    /// <param name="reason">Why; for a retry the class of its error. One of a few words, never a text.</param>
    /// <param name="times">How often.</param>
    public void Count(JobEvent what, string type, Queue queue, string tenant, string? reason = null, int times = 1)
    {
        var counters = Of(type, queue);
        counters.Count(what, times);
        JobMetrics.Count(what, counters.Type, queue, tenants.Of(tenant), reason, times);
        Volatile.Read(ref something).TrySetResult();
    }

    /// <summary>An attempt begins.</summary>
    public void Started(JobMessage message, Queue queue)
    {
        if (message.EnqueuedAt is { } since)
            Of(message.Type, queue).Wait(queue, clock.GetUtcNow() - since);
        Count(JobEvent.Started, message.Type, queue, message.Tenant);
    }

    /// <summary>A handler runs until the answer is disposed of.</summary>
    public JobMetrics.InFlightMark Running(JobMessage message, Queue queue) => JobMetrics.Running(Of(message.Type, queue).Type, queue, tenants.Of(message.Tenant));

    /// <summary>A message came whose job had ended: a second copy, or one whose settlement was lost.</summary>
    public void DuplicateDelivery(JobMessage message, Queue queue) => JobMetrics.DuplicateDelivery(Of(message.Type, queue).Type, queue, tenants.Of(message.Tenant));

    /// <summary>An attempt ended whose job another owner had by then: its outcome was thrown away.</summary>
    public void Fenced(JobMessage message, Queue queue) => JobMetrics.Fenced(Of(message.Type, queue).Type, queue, tenants.Of(message.Tenant));

    /// <summary>An attempt has ended, in whatever way.</summary>
    public void Ran(JobMessage message, Queue queue, TimeSpan time) => Of(message.Type, queue).Run(queue, time);

    /// <summary>A job has ended, and this call's caller is the one who wrote it down.</summary>
    /// <param name="how">The end.</param>
    /// <param name="message">The job's message, or one made of its receipt.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="reason">Why it died, if it did.</param>
    public void Ended(JobEvent how, JobMessage message, Queue queue, string? reason = null)
    {
        var since = message is { Attempt: 1, PutOffs: 0, EnqueuedAt: { } enqueued } ? enqueued : message.SubmittedAt;
        if (since is { } start)
            Of(message.Type, queue).EndToEnd(queue, clock.GetUtcNow() - start);
        Count(how, message.Type, queue, message.Tenant, reason);
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
        return series.GetOrAdd(key, static one => new Counters(one.Type));
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Numbers in one array: the events, then for each of the three durations its buckets and their sum in microseconds.</summary>
    private sealed class Counters(string type)
    {
        private const int Duration = Latencies.Buckets + 1;

        private static readonly int Events = Enum.GetValues<JobEvent>().Length;

        private readonly long[] cells = new long[Events + 3 * Duration];

        /// <summary>Under which it is counted.</summary>
        public string Type => type;

        public void Count(JobEvent what, int times) => Interlocked.Add(ref cells[(int)what], times);

        public void Run(Queue queue, TimeSpan time) => JobMetrics.Ran(type, queue, Add(0, time));

        public void Wait(Queue queue, TimeSpan time) => JobMetrics.Waited(type, queue, Add(1, time));

        public void EndToEnd(Queue queue, TimeSpan time) => JobMetrics.Took(type, queue, Add(2, time));

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

        /// <returns>The time as it is counted.</returns>
        private TimeSpan Add(int duration, TimeSpan time)
        {
            if (time < TimeSpan.Zero)
                time = TimeSpan.Zero; // two clocks
            var first = Events + duration * Duration;
            Interlocked.Increment(ref cells[first + Latencies.BucketOf(time)]);
            Interlocked.Add(ref cells[first + Latencies.Buckets], time.Ticks / TimeSpan.TicksPerMicrosecond);
            return time;
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
