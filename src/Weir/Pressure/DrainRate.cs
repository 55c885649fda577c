namespace Weir.Pressure;

/// <summary>
/// How many jobs of a queue can start in a second, as far as one can know: what was started while there were always enough waiting. While there were not, the number
/// of starts only says how many came; it shows that at least so many can be done.
/// </summary>
/// <param name="PerSecond">Null: nothing is known.</param>
/// <param name="MeasuredAt">When it was measured with a backlog for the last time.</param>
/// <param name="BackloggedSince">Since when there has always been a backlog; null: there is none.</param>
internal sealed record DrainRate(double? PerSecond, DateTimeOffset MeasuredAt, DateTimeOffset? BackloggedSince)
{
    /// <summary>What a slower interval weighs. A faster one counts at once: to believe in too slow a rate refuses work that could be done.</summary>
    private const double Slowing = 0.3;

    /// <summary>Deployments, dependencies and the number of instances change: what was measured longer ago tells nothing of a new backlog.</summary>
    private static readonly TimeSpan Trusted = TimeSpan.FromMinutes(10);

    /// <summary>A backlog that was seen so soon after an interval's beginning is taken to have been there from it: depth is polled each 5 s.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(5);

    public static DrainRate Unknown { get; } = new(null, default, null);

    /// <summary>The depth was read.</summary>
    public DrainRate Seen(long depth, int minDepth, DateTimeOffset now) => depth >= minDepth
        ? this with { BackloggedSince = BackloggedSince ?? now }
        : (this with { BackloggedSince = null }).Forget(now);

    /// <summary>An interval is over in which so many started a second.</summary>
    public DrainRate Counted(double perSecond, DateTimeOffset from, DateTimeOffset to)
    {
        // Not all of it with a backlog: it shows that so many can start, not that no more can.
        if (BackloggedSince is null || BackloggedSince > from + Tolerance)
            return PerSecond < perSecond ? this with { PerSecond = perSecond } : this;
        return this with { PerSecond = PerSecond is { } known && perSecond < known ? known + Slowing * (perSecond - known) : perSecond, MeasuredAt = to };
    }

    private DrainRate Forget(DateTimeOffset now) => PerSecond is not null && MeasuredAt + Trusted < now ? this with { PerSecond = null } : this;
}
