namespace Weir.Testing.Faults;

internal enum FaultKind
{
    Refuse,
    LoseAnswer,
    BeSlow,
    KillBefore,
    KillAfter,
}

/// <summary>What becomes of some of the next calls.</summary>
/// <param name="kind">What.</param>
/// <param name="times">Of how many.</param>
/// <param name="on">Part of the call's name; null is any call.</param>
/// <param name="by">How slow.</param>
internal sealed class Fault(FaultKind kind, int times, string? on, TimeSpan by = default)
{
    public FaultKind Kind => kind;

    public TimeSpan By => by;

    public int Left { get; set; } = times;

    public bool Concerns(string call) => Left > 0 && (on is null || call.Contains(on, StringComparison.OrdinalIgnoreCase));

    public override string ToString() => $"{kind}{(on is null ? "" : $" on '{on}'")}, {Left} left";
}
