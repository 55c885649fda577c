namespace Capacity.Simulation;

/// <summary>A queue while it is simulated: its depth over time, its drain rate, whom it refuses.</summary>
internal sealed class QueueState(QueueLoad load, int index, Pool pool, int priority)
{
    /// <summary>Seconds over which the drain rate is taken.</summary>
    private const int Window = 10;

    private readonly int[] ended = new int[Window];
    private readonly Lane[] lanes = load.Lanes is { } rules ? [.. Enumerable.Range(0, checked(rules.Tenants * rules.EachTenant)).Select(_ => new Lane(rules))] : [];
    private long second;
    private int endedLately;
    private int acceptedThisSecond;
    private double changedAt;
    private double area;

    public QueueLoad Load => load;

    public int Index => index;

    public Pool Pool => pool;

    /// <summary>Its place among the queues of its pool.</summary>
    public int Priority => priority;

    public QueueOutcome Outcome { get; } = new(load.Name);

    public int Depth { get; private set; }

    /// <summary>Grows when the rate of arrivals changes: an arrival that was drawn before is none any more.</summary>
    public int Rate { get; set; }

    public Lane NextLane(Random chance) => lanes.Length == 0 ? new Lane(null) : lanes[chance.Next(lanes.Length)];

    public void Change(double now, int by)
    {
        area += Depth * (now - changedAt);
        (Depth, changedAt) = (Depth + by, now);
    }

    /// <summary>Jobs waiting, times the seconds that they did.</summary>
    public double Area(double now)
    {
        Change(now, 0);
        return area;
    }

    public void End(double now)
    {
        Advance(now);
        ended[second % Window]++;
        endedLately++;
    }

    public bool Accepts(double now)
    {
        if (load.Admission is not { } rules)
            return true;
        Advance(now);
        var rate = endedLately / Math.Clamp(now, 1, Window);
        var wait = Depth < rules.MinDepth ? 0 : Depth / Math.Max(rate, 0.01);
        var accepts = Depth < rules.MostWaiting && (rules.Priority, wait >= rules.Saturated.TotalSeconds, wait >= rules.Elevated.TotalSeconds) switch
        {
            (Simulation.Priority.Bulk, true, _) => false,
            (Simulation.Priority.Bulk, _, true) => acceptedThisSecond < rules.Share * rate,
            (Simulation.Priority.Default, true, _) => acceptedThisSecond < rules.Share * rate,
            _ => true,
        };
        if (accepts)
            acceptedThisSecond++;
        return accepts;
    }

    private void Advance(double now)
    {
        if ((long)now - second > Window)
        {
            Array.Clear(ended);
            (second, endedLately, acceptedThisSecond) = ((long)now, 0, 0);
        }
        while (second < (long)now)
        {
            second++;
            acceptedThisSecond = 0;
            endedLately -= ended[second % Window];
            ended[second % Window] = 0;
        }
    }
}
