using Capacity;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.Lanes;
using Weir.Retries;
using Weir.Statistics;

namespace Weir.Api;

/// <summary>GET /api/capacity: how many sessions and instances a load takes; docs/capacity.md. What is asked and answered is in src/Capacity, as for the command line.</summary>
public sealed partial class CapacityApi
{
    /// <summary>Some 0.2 s of a core; the command line, which has a core of its own, allows ten times as much.</summary>
    private const int MostAttempts = 200_000;

    /// <summary>Long enough for a rare type, short enough to be of today.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    private readonly Admission admission;
    private readonly JobCatalog catalog;
    private readonly HostSlots slots;
    private readonly StatisticsReader statistics;
    private readonly RetryPolicies policies;
    private readonly ILogger<CapacityApi> logger;

    internal CapacityApi(Admission admission, JobCatalog catalog, HostSlots slots, StatisticsReader statistics, RetryPolicies policies, ILogger<CapacityApi> logger) =>
        (this.admission, this.catalog, this.slots, this.statistics, this.policies, this.logger) = (admission, catalog, slots, statistics, policies, logger);

    public async Task<IResult> AnswerAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (request.Query.FirstOrDefault(one => one.Value.Count != 1).Key is { } twice)
            return Problem.InvalidQuery($"{(QuestionReader.Names.Contains(twice) ? twice : "A name")} is there more than once.");
        var values = request.Query.ToDictionary(one => one.Key, one => one.Value.ToString(), StringComparer.Ordinal);
        values.Remove("type", out var type);
        if (values.Keys.Any(name => !QuestionReader.Names.Contains(name)))
            return Problem.InvalidQuery($"Expected some of type, {string.Join(", ", QuestionReader.Names)}; something else came.");
        var known = type is null ? null : catalog.Find(type);
        if (type is not null && known is null)
            return Problem.UnknownType("There is no job type of this name here; GET /api/catalog lists those there are.");

        MeasuredDemand? measured = null;
        try
        {
            if (known is not null)
                measured = await MeasureAsync(known, cancellation);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotMeasured(away);
            return Problem.StatisticsUnavailable(retryAfterSeconds: 5);
        }
        return Answer(values, known?.Name, measured);
    }

    private IResult Answer(Dictionary<string, string> values, string? type, MeasuredDemand? measured)
    {
        var (question, mistakes) = QuestionReader.Read(values, slots.Count, measured);
        if (question is null)
            return Problem.InvalidQuery($"{string.Join(" ", mistakes)}{(type is null || measured is { Service: not null } ? "" : $" Of {type} nothing is measured: no job of it has run in the last {Window.TotalMinutes:0} minutes.")}");
        try
        {
            var bounded = question with { Simulation = question.Simulation is { } simulation ? simulation with { MostAttempts = MostAttempts } : null };
            return bounded.Answer() is { } answer
                ? Results.Json(answer with { Type = type, Measured = Used(values, measured) }, CapacityJson.Default.CapacityAnswer)
                : Problem.InvalidQuery($"No number of sessions up to {ErlangC.MostSessions:N0} is enough: the load is {question.Demand.Load:N0} sessions' work.");
        }
        catch (ArgumentException senseless)
        {
            return Problem.InvalidQuery(senseless.Message);
        }
    }

    private async Task<MeasuredDemand> MeasureAsync(JobType type, CancellationToken cancellation)
    {
        var view = await statistics.ReadAsync(Window, cancellation);
        var series = view.OfType(type.Name);
        var times = series.Run.Counts.Select((count, bucket) => (AtMost: Latencies.UpperBound(bucket), Count: count)).GroupBy(one => one.AtMost, (atMost, some) => (atMost, Count: some.Sum(one => one.Count))).ToArray();
        return new MeasuredDemand(
            series[JobEvent.Submitted] is > 0 and var submitted ? view.PerSecond(submitted) : null,
            times.Any(one => one.Count > 0) ? ServiceTimes.Measured(times) : null,
            series[JobEvent.Started] is > 0 and var started ? Math.Min(1, (double)series[JobEvent.Retried] / started) : null,
            policies.Of(type).Attempts);
    }

    private static string[] Used(Dictionary<string, string> given, MeasuredDemand? measured) =>
    [
        .. new[] { ("arrivals", "arrivalsPerSecond", measured?.ArrivalsPerSecond is not null), ("serviceTime", "serviceTime", measured?.Service is not null), ("failureRate", "failureRate", measured?.FailureRate is not null) }
            .Where(one => one.Item3 && !given.ContainsKey(one.Item2)).Select(one => one.Item1),
    ];

    [LoggerMessage(2300, LogLevel.Error, "The capacity of a type could not be told: a store did not answer")]
    private partial void LogNotMeasured(Exception failure);
}
