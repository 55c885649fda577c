using Capacity.Prices;
using Capacity.Simulation;

namespace Capacity;

/// <summary>What is asked: how many sessions for this demand and target, and what a simulation of it shows.</summary>
public sealed record CapacityQuestion(Demand Demand, WaitTarget Target, int SessionsPerInstance)
{
    /// <summary>Given, instead of asked for.</summary>
    public int? Sessions { get; init; }

    public Price? Price { get; init; }

    /// <summary>Null: what a month costs is not asked.</summary>
    public BillWish? Bill { get; init; }

    /// <summary>Null: only the formula is asked.</summary>
    public SimulationRequest? Simulation { get; init; }

    /// <exception cref="ArgumentException">What is to be simulated makes no sense.</exception>
    /// <returns>Null when no number of sessions is enough.</returns>
    public CapacityAnswer? Answer()
    {
        var plan = Sessions is { } given ? CapacityPlan.Of(WaitEstimate.For(Demand, given), SessionsPerInstance, Price) : CapacityPlan.For(Demand, Target, SessionsPerInstance, Price);
        return plan is null ? null : new CapacityAnswer(
            DemandView.Of(Demand), new TargetView(Target.Wait.TotalSeconds, Target.Share * 100), PlanView.Of(plan), EstimateView.Of(plan.Wait, Target.Wait),
            Simulation is null ? null : SimulationView.Of(Simulation, QueueSimulation.Run(Simulation.For(this, plan))))
        {
            Bill = Bill?.For(Demand, plan),
        };
    }
}

/// <summary>What is to be known of a month's cost beside the demand itself.</summary>
public sealed record BillWish(IReadOnlyList<(string Kind, double Weight)> Kinds)
{
    public int MemoryMB { get; init; } = 2_048;

    public int MessagingUnits { get; init; }

    /// <summary>For the arrivals of the demand, all through the month, on the instances of the plan.</summary>
    public Bill For(Demand demand, CapacityPlan plan) =>
        Prices.Bill.For(new BillRequest(demand.ArrivalsPerSecond, Kinds, plan.Instances) { MemoryMB = MemoryMB, MessagingUnits = MessagingUnits }, PriceList.Known, BilledOperations.Known);
}

/// <summary>What is simulated beside the demand itself.</summary>
public sealed record SimulationRequest
{
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(10);

    public int Seed { get; init; } = 1;

    /// <summary>See <see cref="Scenario.MostAttempts"/>; a server that answers others allows less than a command line.</summary>
    public int MostAttempts { get; init; } = 2_000_000;

    /// <summary>How the arrivals are shared among the queues; all are default's without it.</summary>
    public IReadOnlyList<(Priority Priority, double Weight)> Mix { get; init; } = [(Priority.Default, 1)];

    public bool AreSessionsShared { get; init; }

    /// <summary>Null: any session takes any job.</summary>
    public LaneRules? Lanes { get; init; }

    /// <summary>At the beginning; those of the plan unless given.</summary>
    public int? Instances { get; init; }

    public ScaleOut? ScaleOut { get; init; }

    /// <summary>Factor and length; it begins after a tenth of the duration.</summary>
    public (double Factor, TimeSpan Length)? Surge { get; init; }

    /// <summary>Elevated, saturated, most waiting; null: nothing is refused.</summary>
    public (TimeSpan Elevated, TimeSpan Saturated, int MostWaiting)? Thresholds { get; init; }

    public Backoff Backoff { get; init; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));

    /// <summary>Without instances that are given it has exactly the plan's sessions, though its last instance had room for more.</summary>
    internal Scenario For(CapacityQuestion question, CapacityPlan plan)
    {
        var total = Mix.Sum(part => part.Weight);
        var fleet = Instances is { } given
            ? new Fleet(question.SessionsPerInstance, given) { ScaleOut = ScaleOut }
            : ScaleOut is null ? new Fleet(plan.Sessions, 1) : new Fleet(question.SessionsPerInstance, plan.Instances) { ScaleOut = ScaleOut };
        return new Scenario
        {
            Queues = [.. Mix.Where(part => part.Weight > 0).OrderBy(part => part.Priority).Select(part => new QueueLoad(Name(part.Priority), question.Demand.ArrivalsPerSecond * part.Weight / total, question.Demand.Service)
            {
                FailureRate = question.Demand.FailureRate,
                Attempts = question.Demand.Attempts,
                Backoff = Backoff,
                Lanes = Lanes,
                Admission = Thresholds is { } at ? new Admission(part.Priority, at.Elevated, at.Saturated, at.MostWaiting) : null,
            })],
            AreSessionsShared = AreSessionsShared,
            Fleet = fleet,
            Duration = Duration,
            WarmUp = Duration / 10,
            Surge = Surge is { } surge ? new Surge(surge.Factor, Duration / 10, surge.Length) : null,
            Seed = Seed,
            MostAttempts = MostAttempts,
        };
    }

    private static string Name(Priority priority) => priority switch
    {
        Priority.Critical => "critical",
        Priority.Bulk => "bulk",
        _ => "default",
    };
}
