using System.Text.Json.Serialization;
using Capacity.Prices;
using Capacity.Simulation;

namespace Capacity;

/// <summary>What <c>GET /api/capacity</c> and <c>weir capacity</c> answer. Times are in seconds.</summary>
public sealed record CapacityAnswer(DemandView Demand, TargetView Target, PlanView Plan, EstimateView Estimate, SimulationView? Simulation)
{
    /// <summary>The job type whose statistics were used.</summary>
    public string? Type { get; init; }

    /// <summary>What of the demand is measured: "arrivals", "serviceTime".</summary>
    public IReadOnlyList<string> Measured { get; init; } = [];

    /// <summary>What a month costs by the price list, when that was asked.</summary>
    public Bill? Bill { get; init; }
}

/// <param name="Load">In Erlang: how many sessions are busy on average.</param>
/// <param name="Variation">Standard deviation over mean.</param>
public sealed record DemandView(double ArrivalsPerSecond, double ServiceSeconds, double Variation, double FailureRate, int Attempts, double Load)
{
    public static DemandView Of(Demand demand) =>
        new(demand.ArrivalsPerSecond, demand.Service.Mean, Math.Sqrt(demand.Service.SquaredVariation), demand.FailureRate, demand.Attempts, demand.Load);
}

public sealed record TargetView(double WaitSeconds, double Percentile);

public sealed record PlanView(int Sessions, int Instances, double Utilisation, Cost? Cost)
{
    public static PlanView Of(CapacityPlan plan) => new(plan.Sessions, plan.Instances, plan.Wait.Utilisation, plan.Cost);
}

/// <summary>By the formula; null where the wait grows for ever.</summary>
public sealed record EstimateView(bool IsStable, double ProbabilityOfWait, double? MeanSeconds, double? P50Seconds, double? P95Seconds, double? P99Seconds, double ExceedingTarget)
{
    public static EstimateView Of(WaitEstimate wait, TimeSpan target) => new(
        wait.IsStable, wait.ProbabilityOfWait, Finite(wait.Mean), Finite(wait.Percentile(0.5)), Finite(wait.Percentile(0.95)), Finite(wait.Percentile(0.99)), wait.Exceeding(target));

    private static double? Finite(double seconds) => double.IsFinite(seconds) ? seconds : null;
}

public sealed record SimulationView(double DurationSeconds, int Seed, int PeakInstances, IReadOnlyList<SimulatedQueueView> Queues)
{
    public static SimulationView Of(SimulationRequest request, Outcome outcome) =>
        new(request.Duration.TotalSeconds, request.Seed, outcome.PeakInstances, [.. outcome.Queues.Select(SimulatedQueueView.Of)]);
}

public sealed record SimulatedQueueView(
    string Queue, long Arrived, long Refused, long Succeeded, long Failed, long Retries, TimesView Wait, TimesView EndToEnd, double MeanDepth, int PeakDepth, double? TimeToDrainSeconds)
{
    public static SimulatedQueueView Of(QueueOutcome queue) => new(
        queue.Name, queue.Arrived, queue.Refused, queue.Succeeded, queue.Failed, queue.Retries, TimesView.Of(queue.Wait), TimesView.Of(queue.EndToEnd), queue.MeanDepth, queue.PeakDepth,
        queue.TimeToDrain?.TotalSeconds);
}

public sealed record TimesView(double MeanSeconds, double P50Seconds, double P95Seconds, double P99Seconds, double MaxSeconds)
{
    public static TimesView Of(LatencyHistogram times) => new(
        times.Mean.TotalSeconds, times.Percentile(0.5).TotalSeconds, times.Percentile(0.95).TotalSeconds, times.Percentile(0.99).TotalSeconds, times.Max.TotalSeconds);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CapacityAnswer))]
public sealed partial class CapacityJson : JsonSerializerContext;
