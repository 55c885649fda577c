namespace Weir.Pressure;

/// <summary>What was found out about a queue at one moment.</summary>
/// <param name="Depth">Messages that wait or are in work; not those that are scheduled for later.</param>
/// <param name="Scheduled">Those: delayed jobs, retries, put-offs.</param>
/// <param name="ArrivalsPerSecond">Accepted in the last minute.</param>
/// <param name="StartsPerSecond">Started in the last minute.</param>
/// <param name="Since">Since when it has this level.</param>
internal sealed record QueuePressure(Queue Queue, PressureLevel Level, DateTimeOffset Since, long Depth, long Scheduled, double ArrivalsPerSecond, double StartsPerSecond, DrainRate Drain)
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>How long a job would wait that came now; null: nobody knows.</summary>
    public TimeSpan? EstimatedWait => WaitBehind(Depth, Drain.PerSecond);

    public static QueuePressure Unknown(Queue queue) => new(queue, PressureLevel.Normal, default, 0, 0, 0, 0, DrainRate.Unknown);

    public static TimeSpan? WaitBehind(double depth, double? perSecond) =>
        depth <= 0 ? TimeSpan.Zero
        : perSecond is not { } rate ? null
        : rate * Longest.TotalSeconds <= depth ? Longest
        : TimeSpan.FromSeconds(depth / rate);

    /// <summary>How long until the pressure is normal again, if no more come than do now or than are accepted; null: there is no end as long as so many come.</summary>
    public TimeSpan? ExpectedDuration(QueueThresholds limits)
    {
        if (Level == PressureLevel.Normal)
            return TimeSpan.Zero;
        if (Drain.PerSecond is not { } rate || EstimatedWait is not { } wait)
            return null;
        var accepted = (Queue, Level) switch
        {
            (Queue.Bulk, PressureLevel.Saturated) => 0,
            (Queue.Bulk, _) or (Queue.Default, PressureLevel.Saturated) => Math.Min(ArrivalsPerSecond, rate * limits.Share),
            _ => ArrivalsPerSecond,
        };
        if (accepted >= rate)
            return null;
        var left = (wait - limits.Elevated / 2).TotalSeconds * rate / (rate - accepted);
        return TimeSpan.FromSeconds(Math.Clamp(left, 0, Longest.TotalSeconds));
    }

    /// <summary>For an operator.</summary>
    public string Cause(QueueThresholds limits) => FormattableString.Invariant(Level switch
    {
        PressureLevel.Normal => $"{Depth} jobs wait or run",
        _ when Depth >= limits.MaxDepth => $"{Depth} jobs wait, and the limit is {limits.MaxDepth}",
        _ when ArrivalsPerSecond > (Drain.PerSecond ?? 0) => $"{Depth} jobs wait; {ArrivalsPerSecond:0.##} a second come and {Drain.PerSecond:0.##} can start",
        _ => $"{Depth} jobs wait, and {Drain.PerSecond:0.##} a second can start",
    });
}

/// <summary>What the polling instance shares with all others.</summary>
/// <param name="PolledAt">By its clock.</param>
/// <param name="CountedUntil">Up to which interval of the statistics the drain rates are counted.</param>
/// <param name="Takers">How many instances take submissions, at least 1: what is accepted in all is divided by it.</param>
/// <param name="Queues">In the order of <see cref="Queue"/>.</param>
internal sealed record PressureReading(DateTimeOffset PolledAt, DateTimeOffset CountedUntil, int Takers, IReadOnlyList<QueuePressure> Queues)
{
    public static PressureReading None { get; } = new(default, default, 1, [.. Enum.GetValues<Queue>().Select(QueuePressure.Unknown)]);

    public QueuePressure Of(Queue queue) => Queues[(int)queue];
}
