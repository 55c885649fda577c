namespace Capacity.Simulation;

/// <summary>The sessions of some instances, and the lanes that wait for one.</summary>
internal sealed class Pool(Fleet fleet, int queues)
{
    private readonly Queue<Lane>[] waiting = [.. Enumerable.Range(0, queues).Select(_ => new Queue<Lane>())];

    public int Instances { get; private set; } = fleet.Instances;

    /// <summary>Asked for, and not there yet.</summary>
    public int Coming { get; private set; }

    /// <summary>Jobs that wait or run.</summary>
    public int Open { get; set; }

    /// <summary>Sessions that have a lane, also an empty one.</summary>
    public int Taken { get; set; }

    public bool HasFree => Taken < Instances * fleet.SessionsPerInstance;

    public bool HasWaiting => HasWaitingUpTo(waiting.Length - 1);

    public void Wait(Lane lane, int queue) => waiting[queue].Enqueue(lane);

    /// <summary>A lane of this queue or of one before it waits.</summary>
    public bool HasWaitingUpTo(int queue)
    {
        for (var at = 0; at <= queue; at++)
        {
            if (waiting[at].Count > 0)
                return true;
        }
        return false;
    }

    public bool TryTake(out Lane lane)
    {
        foreach (var queue in waiting)
        {
            if (queue.TryDequeue(out lane!))
                return true;
        }
        lane = null!;
        return false;
    }

    /// <returns>How many instances to ask for now.</returns>
    public int Ask(ScaleOut rule)
    {
        var wanted = Math.Min(rule.MostInstances, (Open + fleet.SessionsPerInstance - 1) / fleet.SessionsPerInstance);
        var more = Math.Clamp(wanted - Instances - Coming, 0, rule.MostAtOnce);
        Coming += more;
        return more;
    }

    public void Come(int instances) => (Instances, Coming) = (Instances + instances, Coming - instances);
}

/// <summary>Jobs that run one after the other.</summary>
internal sealed class Lane(LaneRules? rules)
{
    // Most lanes of a run without rules have one job in their life, and need no queue for it.
    private SimulatedJob? first;
    private Queue<SimulatedJob>? others;

    public LaneRules? Rules => rules;

    public bool IsEmpty => first is null;

    public void Add(SimulatedJob job)
    {
        if (first is null)
            first = job;
        else
            (others ??= new Queue<SimulatedJob>()).Enqueue(job);
    }

    public SimulatedJob Take()
    {
        var taken = first ?? throw new InvalidOperationException("The lane is empty.");
        first = others is { Count: > 0 } ? others.Dequeue() : null;
        return taken;
    }

    public bool IsRunning { get; set; }

    /// <summary>A session has it.</summary>
    public bool IsTaken { get; set; }

    /// <summary>It waits for a session.</summary>
    public bool IsWaiting { get; set; }

    public double TurnBegan { get; set; }

    /// <summary>Grows with each job, so that the end of an idle time is known to be stale.</summary>
    public long Turns { get; set; }
}

internal sealed class SimulatedJob(int queue, Lane lane, double cameAt, bool counts)
{
    public int Queue => queue;

    public Lane Lane => lane;

    public double CameAt => cameAt;

    /// <summary>It came after the warm-up.</summary>
    public bool Counts => counts;

    public double ReadyAt { get; set; }

    public int Attempt { get; set; } = 1;
}
