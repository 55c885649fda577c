using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.Statistics;
using Weir.Submission;

namespace Weir.Api;

/// <summary>GET /api/statistics?queue=&amp;type=&amp;from=&amp;to=&amp;step=: what happened to jobs over time, and how long it took, a point for each step.</summary>
public sealed partial class StatisticsApi
{
    private const int MostPoints = 500;

    /// <summary>What is chosen when nobody says how long a step is.</summary>
    private const int UsualPoints = 120;

    private const string Expected = "queue, type, from, to, step";

    private static readonly TimeSpan UsualTime = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(31);

    private static readonly string[] Known = Expected.Split(", ");

    private static readonly TimeSpan[] Steps = [.. new[] { 10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400 }.Select(seconds => TimeSpan.FromSeconds(seconds))];

    private readonly Admission admission;
    private readonly StatisticsHistory history;
    private readonly JobCatalog catalog;
    private readonly TimeProvider clock;
    private readonly ILogger<StatisticsApi> logger;

    internal StatisticsApi(Admission admission, StatisticsHistory history, JobCatalog catalog, TimeProvider clock, ILogger<StatisticsApi> logger) =>
        (this.admission, this.history, this.catalog, this.clock, this.logger) = (admission, history, catalog, clock, logger);

    public async Task<IResult> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (Read(request.Query, clock.GetUtcNow(), out var question) is { } wrong)
            return Problem.InvalidQuery(wrong);
        if (question!.Type is { } type && type != JobStatistics.OtherTypes && catalog.Find(type) is null)
            return Problem.UnknownType("There is no job type of this name here; GET /api/catalog lists those there are.");
        try
        {
            return await history.ReadAsync(question, cancellation) is { } points
                ? Results.Json(StatisticsOverTime.Of(question, points), StatisticsJson.Default.StatisticsOverTime)
                : Problem.InvalidQuery($"So much happened between from and to that its statistics have more than {StatisticsHistory.MostRows:N0} rows: ask for a shorter time.");
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotRead(away);
            return Problem.StatisticsUnavailable(retryAfterSeconds: 5);
        }
    }

    /// <returns>What is wrong with the query; null when nothing is.</returns>
    internal static string? Read(IQueryCollection query, DateTimeOffset now, out HistoryQuestion? question)
    {
        question = null;
        if (query.Keys.Any(key => !Known.Contains(key)))
            return $"Expected some of {Expected}; something else came.";
        if (query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice)
            return $"{twice} is there more than once.";
        if (!ListsApi.TryTime(query, "from", out var fromGiven) || !ListsApi.TryTime(query, "to", out var toGiven))
            return "from and to are times in ISO 8601 with their offset, such as 2026-11-21T10:00:00Z.";
        Queue? queue = null;
        if (Text(query, "queue") is { } name)
        {
            if (!Enum.TryParse<Queue>(name, ignoreCase: true, out var known) || !Enum.IsDefined(known) || !char.IsAsciiLetter(name[0]))
                return "queue is critical, default or bulk.";
            queue = known;
        }
        var to = toGiven ?? now;
        var from = fromGiven ?? (to - DateTimeOffset.UnixEpoch > UsualTime ? to - UsualTime : DateTimeOffset.UnixEpoch);
        if (from >= to)
            return "from is not before to.";
        if (to - from > LongestTime)
            return $"Between from and to there are at most {LongestTime.TotalDays:0} days.";
        var step = Steps.First(one => one == Steps[^1] || (to - from) / one <= UsualPoints);
        if (Text(query, "step") is { } given && (!IsoDuration.TryRead(given, out step) || step < Steps[0] || step > Steps[^1] || step.Ticks % Steps[0].Ticks != 0))
            return "step is an ISO 8601 duration of whole 10 s, from PT10S to P1D.";

        // Whole steps, so that the same moment lies in the same point whenever it is asked for.
        var first = from.ToUniversalTime().AddTicks(-(from.UtcTicks % step.Ticks));
        var last = to.ToUniversalTime().AddTicks(to.UtcTicks % step.Ticks == 0 ? 0 : step.Ticks - to.UtcTicks % step.Ticks);
        question = new HistoryQuestion(first, last, step, queue, Text(query, "type"));
        return question.Points <= MostPoints ? null : string.Create(CultureInfo.InvariantCulture, $"That is {question.Points} points, and the most is {MostPoints}: take a longer step, or less time.");
    }

    private static string? Text(IQueryCollection query, string name) => query[name] is [{ Length: > 0 } text] ? text : null;

    [LoggerMessage(3600, LogLevel.Error, "The statistics over time could not be read: a store did not answer")]
    private partial void LogNotRead(Exception failure);
}

/// <param name="Step">An ISO 8601 duration.</param>
internal sealed record StatisticsOverTime(DateTimeOffset From, DateTimeOffset To, string Step, IReadOnlyList<StatisticsPoint> Points)
{
    public static StatisticsOverTime Of(HistoryQuestion question, IReadOnlyList<Series> points) => new(
        question.From, question.To, System.Xml.XmlConvert.ToString(question.Step), [.. points.Select((point, index) => StatisticsPoint.Of(question.From + index * question.Step, point))]);
}

/// <param name="At">When the step begins.</param>
/// <param name="Wait">Absent, as the other times, when there was none.</param>
internal sealed record StatisticsPoint(
    DateTimeOffset At, long Submitted, long Refused, long Started, long Succeeded, long Retried, long DeadLettered, long Cancelled, long Expired, long Compensated, long PutOff,
    TimesView? Wait, TimesView? Run, TimesView? EndToEnd)
{
    public static StatisticsPoint Of(DateTimeOffset at, Series series) => new(
        at, series[JobEvent.Submitted], series[JobEvent.Refused], series[JobEvent.Started], series[JobEvent.Succeeded], series[JobEvent.Retried], series[JobEvent.DeadLettered],
        series[JobEvent.Cancelled], series[JobEvent.Expired], series[JobEvent.Compensated], series[JobEvent.PutOff],
        TimesView.Of(series.Wait), TimesView.Of(series.Run), TimesView.Of(series.EndToEnd));
}

/// <summary>Seconds, at most so many for the half, 95 % and 99 %.</summary>
internal sealed record TimesView(long Count, double P50, double P95, double P99)
{
    public static TimesView? Of(Latencies latencies) => latencies.Count == 0 ? null : new TimesView(latencies.Count, Seconds(latencies, 0.5), Seconds(latencies, 0.95), Seconds(latencies, 0.99));

    private static double Seconds(Latencies latencies, double share) => Math.Round(latencies.Percentile(share)!.Value.TotalSeconds, 4);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StatisticsOverTime))]
internal sealed partial class StatisticsJson : JsonSerializerContext;
