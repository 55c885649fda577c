using System.Globalization;

namespace Weir.Limits;

/// <summary>What a limit is over.</summary>
internal enum LimitKind
{
    /// <summary>All jobs of a job type.</summary>
    Type,

    /// <summary>All jobs of a tenant.</summary>
    Tenant,
}

/// <summary>
/// A rate in force: each start has a slot of its own. Slots lie <see cref="Interval"/> apart or more, and a start falls into its slot's <see cref="Window"/>, which begins at
/// the slot and is <see cref="Burst"/> intervals long.
/// <para>
/// From that follows the bound. The starts in a stretch of time of length W have slots in a half-open stretch of length W + Window. Since slots lie at least an interval
/// apart and no two starts share one, they are at most ⌈(W + Window) / Interval⌉ = ⌈W / Interval⌉ + Burst: in any second no more than the rate and the burst.
/// </para>
/// </summary>
internal sealed record RateLimit(LimitKind Kind, string Name, Rate Rate, int Burst)
{
    /// <summary>
    /// A job takes some time from its slot to its start: the claim. In a narrower window few would make it, and the rest would be put off again and again.
    /// </summary>
    private static readonly TimeSpan NarrowestWindow = TimeSpan.FromMilliseconds(100);

    public const int MostBurst = 100_000;

    /// <summary>No claim takes longer, unless its table is in trouble.</summary>
    private static readonly TimeSpan LongestMargin = TimeSpan.FromMilliseconds(500);

    public TimeSpan Interval { get; } = Rate.Interval;

    public TimeSpan Window { get; } = Rate.Interval * Burst;

    /// <summary>When a start must have been made at the latest, from its slot on: what is left of the window is the handler's way to its effect, so that the bound holds of effects too.</summary>
    public TimeSpan LatestStart => Window * 0.85;

    /// <summary>What must be left of a slot's window when it is taken.</summary>
    public TimeSpan ClaimMargin => Window / 3 < LongestMargin ? Window / 3 : LongestMargin;

    /// <summary>
    /// The row that its slots are reserved from. The figures are part of it: changed ones have slots of their own, so that they hold at once, whatever was reserved
    /// under the old ones; and a slot of the old ones is none any more.
    /// </summary>
    public string Key { get; } = string.Create(CultureInfo.InvariantCulture, $"{(Kind == LimitKind.Type ? "type" : "tenant")}.{Name}~{Rate.Interval.Ticks}~{Burst}");

    /// <summary>The row of its line, see <see cref="Pace"/>.</summary>
    public string PaceKey => $"{Key}~pace";

    /// <summary>What is wrong with the figures; null when nothing.</summary>
    public string? Wrong =>
        Burst is < 1 or > MostBurst ? $"a burst of {Burst}; expected 1 to {MostBurst:N0}"
        : Window < NarrowestWindow ? $"a burst of {Burst} at {Rate}; expected at least {(int)Math.Ceiling(NarrowestWindow / Interval)}, a tenth of a second's jobs: each job must be claimed within the time that the burst stands for"
        : null;
}
