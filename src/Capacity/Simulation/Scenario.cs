namespace Capacity.Simulation;

/// <summary>What is simulated: queues of jobs, and the instances whose sessions run them.</summary>
public sealed record Scenario
{
    /// <summary>One for each queue that has jobs; the first goes first where they share sessions.</summary>
    public required IReadOnlyList<QueueLoad> Queues { get; init; }

    /// <summary>
    /// False: each queue has sessions and instances of its own, as its trigger has in Azure. True: all draw on the same sessions, and a free one takes the first queue's job.
    /// </summary>
    public bool AreSessionsShared { get; init; }

    public required Fleet Fleet { get; init; }

    /// <summary>A time of more arrivals.</summary>
    public Surge? Surge { get; init; }

    /// <summary>Jobs come for so long after the warm-up; what waits then is still run to its end, and counts.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Jobs that come before its end fill the queues, and do not count.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>The same seed gives the same run.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>A run that would make more attempts than this is refused: these take a second or two.</summary>
    public int MostAttempts { get; init; } = 2_000_000;

    /// <returns>What is wrong with it, in a sentence; null when nothing is.</returns>
    public string? Mistake() => this switch
    {
        { Queues.Count: 0 or > 3 } => "There are one to three queues.",
        { Duration.Ticks: <= 0 } => "The duration is longer than nothing.",
        { WarmUp.Ticks: < 0 } => "The warm-up is not negative.",
        { Fleet.SessionsPerInstance: < 1 } or { Fleet.Instances: < 1 } => "There is at least one instance with one session.",
        { Fleet.ScaleOut: { } rule } when rule.MostInstances < Fleet.Instances || rule.Every <= TimeSpan.Zero || rule.Delay < TimeSpan.Zero || rule.MostAtOnce < 1 =>
            "Scale-out goes to at least the first number of instances, at least one at a time, at intervals longer than nothing.",
        { Surge: { } surge } when surge.Factor < 0 || surge.Length <= TimeSpan.Zero || surge.Begin < TimeSpan.Zero || surge.Begin + surge.Length > Duration =>
            "The surge has a factor that is not negative, and lies within the duration.",
        _ when Queues.FirstOrDefault(queue => !queue.IsSound) is { } queue =>
            $"Queue {queue.Name}: arrivals and the failure rate are not negative, a failure rate is below 1, attempts are at least 1, tenants and lanes too, and not more than 100,000 lanes in all.",
        _ when AttemptsInAll() is var attempts && attempts > MostAttempts => $"It makes {attempts:N0} attempts, and the most is {MostAttempts:N0}: shorten the duration.",
        _ => null,
    };

    /// <summary>How many it makes, about.</summary>
    public double AttemptsInAll() =>
        Queues.Sum(queue => new Demand(queue.ArrivalsPerSecond, queue.Service) { FailureRate = queue.FailureRate, Attempts = queue.Attempts }.AttemptsOnAverage * queue.ArrivalsPerSecond) * ((WarmUp + Duration).TotalSeconds + (Surge is { } surge ? (surge.Factor - 1) * surge.Length.TotalSeconds : 0));
}

/// <param name="Name">Shown again.</param>
/// <param name="ArrivalsPerSecond">At random (Poisson).</param>
/// <param name="Service">How long an attempt holds a session.</param>
public sealed record QueueLoad(string Name, double ArrivalsPerSecond, ServiceTimes Service)
{
    /// <summary>The share of attempts that fail.</summary>
    public double FailureRate { get; init; }

    /// <summary>The most attempts of a job.</summary>
    public int Attempts { get; init; } = 1;

    public Backoff Backoff { get; init; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));

    /// <summary>Null: any free session takes any job.</summary>
    public LaneRules? Lanes { get; init; }

    /// <summary>Null: nothing is refused.</summary>
    public Admission? Admission { get; init; }

    internal bool IsSound => ArrivalsPerSecond >= 0 && double.IsFinite(ArrivalsPerSecond) && FailureRate is >= 0 and < 1 && Attempts >= 1 && (Lanes is null || (Lanes is { Tenants: >= 1, EachTenant: >= 1 } && (long)Lanes.Tenants * Lanes.EachTenant <= 100_000));
}

/// <summary>The wait before attempt n + 1: anything up to <paramref name="Base"/> times 2ⁿ⁻¹ and no more than <paramref name="Cap"/> (full jitter).</summary>
public sealed record Backoff(TimeSpan Base, TimeSpan Cap);

/// <summary>
/// A tenant's jobs go to its lanes at random; a lane has one session at a time, which runs its jobs one after the other, gives way after <see cref="Turn"/> when others wait, and
/// holds the lane for <see cref="Idle"/> after it has run empty.
/// </summary>
public sealed record LaneRules(int Tenants, int EachTenant)
{
    public TimeSpan Turn { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>When a queue refuses: by the wait that its depth and the rate of the last ten seconds let expect. No hysteresis, which changes levels more slowly and refuses about as much.</summary>
/// <param name="Priority">Which queue's rules.</param>
/// <param name="Elevated">From here on bulk is accepted up to its share of the drain rate.</param>
/// <param name="Saturated">From here on no bulk is accepted, and default up to its share.</param>
/// <param name="MostWaiting">From here on nothing is accepted.</param>
public sealed record Admission(Priority Priority, TimeSpan Elevated, TimeSpan Saturated, int MostWaiting)
{
    /// <summary>Of the drain rate, less than 1, or a backlog would never shrink. These are the server's own, unless it is told otherwise.</summary>
    public double Share { get; init; } = Priority == Priority.Bulk ? 0.5 : 0.8;

    /// <summary>With fewer waiting there is no pressure, whatever the estimate.</summary>
    public int MinDepth { get; init; } = Priority switch
    {
        Priority.Critical => 50,
        Priority.Bulk => 200,
        _ => 100,
    };
}

public enum Priority
{
    Critical,
    Default,
    Bulk,
}

/// <param name="SessionsPerInstance">maxConcurrentSessions of host.json.</param>
/// <param name="Instances">At the beginning.</param>
public sealed record Fleet(int SessionsPerInstance, int Instances)
{
    /// <summary>Null: there are never more.</summary>
    public ScaleOut? ScaleOut { get; init; }
}

/// <summary>
/// As the platform's target-based scaling does it: each <see cref="Every"/>, wanted are as many instances as hold all jobs that wait or run, and they come <see cref="Delay"/> later, a few at a time.
/// It never scales in: what is asked is whether a surge is got over.
/// </summary>
public sealed record ScaleOut(int MostInstances)
{
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the decision to the first job: a cold start.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(20);

    public int MostAtOnce { get; init; } = 4;
}

/// <summary>All arrivals are multiplied by <paramref name="Factor"/>.</summary>
/// <param name="Begin">After the warm-up.</param>
public sealed record Surge(double Factor, TimeSpan Begin, TimeSpan Length);
