namespace Weir.Statistics;

/// <summary>What is counted by: a type's jobs in one of its queues.</summary>
internal readonly record struct SeriesKey(string Type, Queue Queue);

/// <summary>What happened to the jobs of a series in some time, in one instance or in all of them.</summary>
internal sealed class Series
{
    private static readonly int Events = Enum.GetValues<JobEvent>().Length;

    private readonly long[] counts = new long[Events];

    public long this[JobEvent what] => counts[(int)what];

    /// <summary>How long attempts ran, from their claim to their outcome; of a workflow nothing, since its steps hold no worker of the queue.</summary>
    public Latencies Run { get; private init; } = new();

    /// <summary>How long it was from the moment when an attempt could first start to its start. A put-off begins anew; attempts in place (strict order) are not among them.</summary>
    public Latencies Wait { get; private init; } = new();

    /// <summary>From the submission, or from the time before which it was not to start, to the end; of a job with several attempts always from the submission.</summary>
    public Latencies EndToEnd { get; private init; } = new();

    public bool IsEmpty => counts.All(count => count == 0) && Run.Count == 0 && Wait.Count == 0 && EndToEnd.Count == 0;

    public void Add(JobEvent what, long count) => counts[(int)what] += count;

    public void Add(Series other)
    {
        for (var what = 0; what < Events; what++)
            counts[what] += other.counts[what];
        Run.Add(other.Run);
        Wait.Add(other.Wait);
        EndToEnd.Add(other.EndToEnd);
    }

    public SeriesLine ToLine(SeriesKey key) => new(
        key.Type, key.Queue.ToString(), Enum.GetValues<JobEvent>().Where(what => this[what] > 0).ToDictionary(what => what.ToString(), what => this[what]),
        Run.ToPairs(), Run.Sum.TotalMilliseconds, Wait.ToPairs(), Wait.Sum.TotalMilliseconds, EndToEnd.ToPairs(), EndToEnd.Sum.TotalMilliseconds);

    public static Series Of(SeriesLine line)
    {
        var series = new Series
        {
            Run = Latencies.FromPairs(line.Run, line.RunMs),
            Wait = Latencies.FromPairs(line.Wait, line.WaitMs),
            EndToEnd = Latencies.FromPairs(line.EndToEnd, line.EndToEndMs),
        };
        foreach (var (name, count) in line.Counts)
        {
            // A newer build may count what this one does not know.
            if (Enum.TryParse<JobEvent>(name, out var what) && Enum.IsDefined(what))
                series.Add(what, count);
        }
        return series;
    }
}

/// <summary>A series as a row of the table has it: JSON, some hundred bytes.</summary>
internal sealed record SeriesLine(
    string Type, string Queue, IReadOnlyDictionary<string, long> Counts, IReadOnlyList<long>? Run, double RunMs, IReadOnlyList<long>? Wait, double WaitMs, IReadOnlyList<long>? EndToEnd, double EndToEndMs);
