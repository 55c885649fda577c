namespace Capacity.Simulation;

/// <summary>What a run came to.</summary>
/// <param name="Queues">In the scenario's order.</param>
/// <param name="PeakInstances">The most at once; of all pools where each queue has its own.</param>
public sealed record Outcome(IReadOnlyList<QueueOutcome> Queues, int PeakInstances);

/// <summary>Of the jobs that came after the warm-up.</summary>
public sealed record QueueOutcome(string Name)
{
    /// <summary>Jobs that came.</summary>
    public long Arrived { get; internal set; }

    public long Refused { get; internal set; }

    public long Succeeded { get; internal set; }

    /// <summary>Every attempt failed.</summary>
    public long Failed { get; internal set; }

    /// <summary>Attempts beyond the first.</summary>
    public long Retries { get; internal set; }

    /// <summary>From when an attempt could begin to when it began; of every attempt.</summary>
    public LatencyHistogram Wait { get; } = new();

    /// <summary>From a job's coming to its end.</summary>
    public LatencyHistogram EndToEnd { get; } = new();

    /// <summary>The most jobs that waited at once.</summary>
    public int PeakDepth { get; internal set; }

    /// <summary>When the depth was back to what it was on average before the surge, counted from the surge's end; null without a surge.</summary>
    public TimeSpan? TimeToDrain { get; internal set; }

    /// <summary>Jobs waiting on average, while jobs came.</summary>
    public double MeanDepth { get; internal set; }
}
