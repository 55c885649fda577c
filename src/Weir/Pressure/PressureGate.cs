using System.Xml;
using Weir.Submission;

namespace Weir.Pressure;

/// <summary>
/// Accepts by level and queue. Normal: all. Elevated: all, but of bulk only its share of the drain rate. Saturated: no bulk, of default its share of the drain rate, critical.
/// At the hard depth limit: none. The pressure of a more important queue weighs on those below it, since they use the same workers and dependencies.
/// </summary>
internal sealed class PressureGate(PressureBoard board, PressureOptions options, TimeProvider clock, Random chance) : ISubmissionGate
{
    /// <summary>429: come back later, or send less.</summary>
    public const string UnderPressure = "underPressure";

    /// <summary>503: the queue's hard limit.</summary>
    public const string QueueFull = "queueFull";

    /// <summary>How much of the hard limit must be free again before it is worth coming back.</summary>
    private const double RoomBelowLimit = 0.1;

    private static readonly TimeSpan UnknownRoom = TimeSpan.FromSeconds(10);

    /// <summary>Of each queue, in the order of <see cref="Queue"/>, those that go before it.</summary>
    private static readonly Queue[][] MoreImportant = [.. Enum.GetValues<Queue>().Select(queue => queue switch { Queue.Bulk => new[] { Queue.Default, Queue.Critical }, Queue.Default => [Queue.Critical], _ => [] })];

    private readonly TokenBucket[] buckets = [.. Enum.GetValues<Queue>().Select(_ => new TokenBucket())];
    private readonly ReturnTimes[] returns = [.. Enum.GetValues<Queue>().Select(_ => new ReturnTimes(chance))];
    private readonly Lock gate = new();

    public ValueTask<Backoff?> AskAsync(NewJob job, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        // What begins only when the backlog of now is gone does not add to it.
        if (job.NotBefore is { } at && at - now > (Of(job.Queue, now).Wait ?? TimeSpan.Zero) + options.Of(job.Queue).Elevated)
            return ValueTask.FromResult<Backoff?>(null);
        return ValueTask.FromResult(Ask(job.Queue, 1));
    }

    /// <summary>Whether there is room for a batch, which is accepted or refused as a whole.</summary>
    /// <param name="items">How many in which queue, as far as is known.</param>
    public Backoff? AskBatch(IReadOnlyList<(Queue Queue, int Items)> items)
    {
        foreach (var (queue, count) in items)
        {
            if (Ask(queue, count) is { } backoff)
                return backoff;
        }
        return null;
    }

    /// <summary>How the queue stands at this moment, by what this instance knows.</summary>
    public Standing Of(Queue queue, DateTimeOffset now)
    {
        var own = Alone(queue, now);
        var worst = own;
        foreach (var other in MoreImportant[(int)queue])
        {
            if (Alone(other, now) is var standing && standing.Level > worst.Level)
                worst = standing;
        }
        // Of its own and another's level the own one is the better reason; and one of which nothing is known but its depth says nothing of how long others would wait.
        return worst.Level == own.Level || worst.Wait is null ? own : own with { Level = worst.Level, By = worst };
    }

    /// <summary>For the RateLimit fields: how many a second there is room for in all instances, how many at this moment, and in how long for one more.</summary>
    public (double PerSecond, int Remaining, TimeSpan Next) RoomOf(Standing standing)
    {
        if (Allowed(standing) is not { } allowed)
            return (0, 0, UnknownRoom);
        if (allowed <= 0)
            return (0, 0, UntilRoom(standing));
        var takers = board.Reading.Takers;
        double tokens;
        lock (gate)
        {
            var bucket = buckets[(int)standing.Queue];
            bucket.Refill(allowed / takers, clock.GetUtcNow());
            tokens = bucket.Tokens;
        }
        var next = tokens >= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - tokens) * takers / allowed);
        return (allowed, (int)Math.Max(0, Math.Floor(tokens) * takers), next);
    }

    private Standing Alone(Queue queue, DateTimeOffset now)
    {
        var found = board.Reading.Of(queue);
        var depth = board.DepthOf(queue, now);
        if (!board.IsKnown)
            return new Standing(queue, PressureLevel.Normal, 0, null, null);
        var rate = found.Drain.PerSecond;
        var wait = QueuePressure.WaitBehind(depth, rate);
        // What has been accepted since the last reading may have raised it; it is for the next reading to lower it.
        var here = LevelRule.After(found.Level, depth, wait, options.Of(queue));
        return new Standing(queue, here > found.Level ? here : found.Level, depth, wait, rate);
    }

    private Backoff? Ask(Queue queue, int jobs)
    {
        var now = clock.GetUtcNow();
        var limits = options.Of(queue);
        board.Ask(urgently: !board.IsKnown || board.AcceptedSince(queue) * board.Reading.Takers >= limits.MinDepth / 2);
        var standing = Of(queue, now);
        lock (gate)
        {
            if (Refuse(standing, limits, jobs, now) is { } reason)
                return BackoffOf(standing, limits, jobs, reason, now);
        }
        board.Accepted(queue, jobs);
        return null;
    }

    /// <summary>Null when there is room.</summary>
    private string? Refuse(Standing standing, QueueThresholds limits, int jobs, DateTimeOffset now)
    {
        if (board.IsKnown && standing.Depth + jobs > limits.MaxDepth)
            return "depthLimit";
        var bucket = buckets[(int)standing.Queue];
        if (Allowed(standing) is { } allowed)
            bucket.Refill(allowed / board.Reading.Takers, now);
        switch (standing.Queue, standing.Level)
        {
            case (Queue.Bulk, PressureLevel.Saturated):
                return "saturated";
            case (Queue.Bulk, PressureLevel.Elevated) when standing.Rate is not null:
                return QueuePressure.WaitBehind(standing.Depth + jobs, standing.Rate) >= limits.Saturated || !bucket.TryTake(jobs) ? "beyondShare" : null;
            case (Queue.Default, PressureLevel.Saturated) when standing.Rate is not null:
                return bucket.TryTake(jobs) ? null : "beyondDrainRate";
            default:
                bucket.Spend(jobs);
                return null;
        }
    }

    /// <summary>How many a second are, or would have to be, accepted in all instances for the backlog not to grow; null: nobody knows.</summary>
    private double? Allowed(Standing standing) => (standing.Queue, standing.Level) switch
    {
        (Queue.Bulk, PressureLevel.Saturated) => 0,
        (Queue.Bulk, PressureLevel.Elevated) or (Queue.Default, PressureLevel.Saturated) => standing.Rate * options.Of(standing.Queue).Share,
        _ => standing.Rate,
    };

    private Backoff BackoffOf(Standing standing, QueueThresholds limits, int jobs, string reason, DateTimeOffset now)
    {
        var isFull = reason == "depthLimit";
        var room = isFull ? QueuePressure.WaitBehind(Math.Max(standing.Depth + jobs - limits.MaxDepth * (1 - RoomBelowLimit), 1), standing.Rate) ?? UnknownRoom : UntilRoom(standing);
        var perSecond = (standing.Rate ?? 0) * limits.Share / board.Reading.Takers;
        var name = NameOf(standing.Queue);
        var detail = FormattableString.Invariant(reason switch
        {
            "depthLimit" => $"{standing.Depth:0} jobs wait in the queue {name}; the most is {limits.MaxDepth}.",
            _ when standing.By is { } by => $"The queue {NameOf(by.Queue)} is {by.Level.ToString().ToLowerInvariant()}, and what is in {name} waits for it{(reason == "saturated" ? "" : $": {perSecond * board.Reading.Takers:0.##} a second are accepted")}.",
            "saturated" => $"{standing.Depth:0} jobs wait in the queue {name}, of which {standing.Rate:0.##} can start in a second.",
            _ => $"{standing.Depth:0} jobs wait in the queue {name}, of which {standing.Rate:0.##} can start in a second; {perSecond * board.Reading.Takers:0.##} a second are accepted.",
        });
        var members = new Dictionary<string, object?> { ["reason"] = reason, ["queue"] = name, ["pressure"] = standing.Level.ToString().ToLowerInvariant() };
        if ((standing.By ?? standing).Wait is { } wait)
            members["estimatedWait"] = Iso(wait);
        return new Backoff(isFull ? QueueFull : UnderPressure, detail, returns[(int)standing.Queue].Take(now, room, perSecond, jobs)) { IsUnavailable = isFull, Members = members };
    }

    /// <summary>In how long the level that refuses has fallen, if nothing is accepted; 0 when it is only the rate that is exceeded.</summary>
    private TimeSpan UntilRoom(Standing standing)
    {
        if (standing is not { Queue: Queue.Bulk, Level: PressureLevel.Saturated })
            return TimeSpan.Zero;
        var cause = standing.By ?? standing;
        var left = cause.Wait - options.Of(cause.Queue).Elevated ?? UnknownRoom;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    public static string NameOf(Queue queue) => queue.ToString().ToLowerInvariant();

    /// <summary>ISO 8601, in whole seconds.</summary>
    public static string Iso(TimeSpan time) => XmlConvert.ToString(TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds)));

    /// <param name="Depth">About how many wait.</param>
    /// <param name="Wait">How long a new one would; null: nobody knows.</param>
    /// <param name="Rate">How many can start a second; null: nobody knows.</param>
    internal sealed record Standing(Queue Queue, PressureLevel Level, double Depth, TimeSpan? Wait, double? Rate)
    {
        /// <summary>The more important queue whose level this is; null: it is its own.</summary>
        public Standing? By { get; init; }
    }
}
