using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Pressure;
using Weir.Statistics;
using Weir.Why;

namespace Weir.Api;

/// <summary>GET /api/queues: how deep the queues are, how fast they drain, how long a new job would wait, and what that means for submissions.</summary>
public sealed partial class QueuesApi
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>What is older is found out anew first, if it comes soon enough.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly Queue[] Order = [Queue.Critical, Queue.Default, Queue.Bulk];

    private readonly Admission admission;
    private readonly PressureBoard board;
    private readonly PressureOptions options;
    private readonly StatisticsReader statistics;
    private readonly QueuedMessages messages;
    private readonly TimeProvider clock;
    private readonly ILogger<QueuesApi> logger;

    internal QueuesApi(Admission admission, PressureBoard board, PressureOptions options, StatisticsReader statistics, QueuedMessages messages, TimeProvider clock, ILogger<QueuesApi> logger) =>
        (this.admission, this.board, this.options, this.statistics, this.messages, this.clock, this.logger) = (admission, board, options, statistics, messages, clock, logger);

    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        try
        {
            await RefreshAsync(cancellation);
            var last = await statistics.ReadAsync(Minute, cancellation);
            var reading = board.Reading;
            if (!board.IsKnown)
                return Problem.QueuesUnknown(retryAfterSeconds: 5);
            var oldest = await Task.WhenAll(Order.Select(queue => OldestAsync(reading.Of(queue), caller, cancellation)));
            var queues = Order.Zip(oldest, (queue, first) => QueueView.Of(reading.Of(queue), options.Of(queue), last.OfQueue(queue)) with { Oldest = first });
            return Results.Json(new QueuesView(reading.PolledAt, [.. queues]), QueuesJson.Camel.QueuesView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotShown(away);
            return Problem.QueuesUnknown(retryAfterSeconds: 5);
        }
    }

    /// <summary>Looked at only where something waits, and only when somebody asks. It is not worth the rest of the answer.</summary>
    private async Task<OldestView?> OldestAsync(QueuePressure queue, Caller caller, CancellationToken cancellation)
    {
        try
        {
            if (queue.Depth == 0 || await messages.FindOldestAsync(queue.Queue, cancellation) is not { } message)
                return null;
            return new OldestView(message.At, caller.Tenant is null ? message.JobId : null); // it may be another tenant's
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotShown(away);
            return null;
        }
    }

    private async Task RefreshAsync(CancellationToken cancellation)
    {
        var renewed = board.Renewed;
        var isOld = board.Reading.PolledAt + Fresh < clock.GetUtcNow();
        board.Ask(urgently: isOld);
        if (!isOld)
            return;
        try
        {
            await renewed.WaitAsync(Patience, clock, cancellation);
        }
        catch (TimeoutException)
        {
            // What there is says how old it is.
        }
    }

    [LoggerMessage(2053, LogLevel.Error, "The queues could not be shown: a store did not answer")]
    private partial void LogNotShown(Exception failure);
}

/// <param name="AsOf">When the depths were read.</param>
internal sealed record QueuesView(DateTimeOffset AsOf, IReadOnlyList<QueueView> Queues);

/// <param name="Pressure">The level.</param>
/// <param name="Since">Since when.</param>
/// <param name="Depth">Jobs that wait or run.</param>
/// <param name="Scheduled">Jobs that come later: delayed, to be retried, put off.</param>
/// <param name="ArrivalsPerSecond">Accepted, in the last minute.</param>
/// <param name="StartsPerSecond">Started, in the last minute.</param>
/// <param name="DrainPerSecond">How many can start a second, as far as that was seen; absent: nothing is known, and everything is accepted up to the hard limit.</param>
/// <param name="EstimatedWait">How long a new job would wait; absent when nobody knows.</param>
/// <param name="ExpectedDuration">How long the pressure lasts, if no more come than now; absent when there is none, or no end in sight.</param>
/// <param name="Waited">How long those waited that started in the last minute; absent when none did.</param>
internal sealed record QueueView(
    Queue Queue, PressureLevel Pressure, DateTimeOffset Since, long Depth, long Scheduled, double ArrivalsPerSecond, double StartsPerSecond, double? DrainPerSecond,
    string? EstimatedWait, string? ExpectedDuration, WaitedView? Waited, ThresholdsView Thresholds)
{
    /// <summary>The message that has waited, or been at work, longest; absent when there is none, or nobody could look.</summary>
    public OldestView? Oldest { get; init; }

    public static QueueView Of(QueuePressure found, QueueThresholds limits, Series last) => new(
        found.Queue, found.Level, found.Since, found.Depth, found.Scheduled, Math.Round(found.ArrivalsPerSecond, 2), Math.Round(found.StartsPerSecond, 2),
        found.Drain.PerSecond is { } rate ? Math.Round(rate, 2) : null,
        found.EstimatedWait is { } wait ? PressureGate.Iso(wait) : null,
        found.Level != PressureLevel.Normal && found.ExpectedDuration(limits) is { } time ? PressureGate.Iso(time) : null,
        last.Wait.Count == 0 ? null : new WaitedView(last.Wait.Count, Seconds(last.Wait, 0.5), Seconds(last.Wait, 0.95), Seconds(last.Wait, 0.99)),
        new ThresholdsView(PressureGate.Iso(limits.Elevated), PressureGate.Iso(limits.Saturated), limits.MinDepth, limits.MaxDepth, limits.Share));

    private static double Seconds(Latencies latencies, double share) => Math.Round(latencies.Percentile(share)!.Value.TotalSeconds, 3);
}

/// <summary>Waits in seconds, at most so long for the half of the jobs, 95 % and 99 %.</summary>
internal sealed record WaitedView(long Jobs, double P50, double P95, double P99);

/// <param name="Since">Since when it could have been taken.</param>
/// <param name="JobId">For those who see every tenant.</param>
internal sealed record OldestView(DateTimeOffset Since, string? JobId);

internal sealed record ThresholdsView(string Elevated, string Saturated, int MinDepth, int MaxDepth, double Share);

[JsonSerializable(typeof(QueuesView))]
internal sealed partial class QueuesJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static QueuesJson Camel { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    });
}
