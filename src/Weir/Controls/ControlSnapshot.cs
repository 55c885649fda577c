using Weir.Lanes;

namespace Weir.Controls;

/// <summary>All controls as one read found them. What ended since then is not in force, though it is there.</summary>
internal sealed class ControlSnapshot
{
    public static ControlSnapshot Never { get; } = new([], [], 0, 0);

    private readonly SortedDictionary<string, Control> byKey = new(StringComparer.Ordinal);

    /// <param name="all">What is set.</param>
    /// <param name="openBreakers">Which dependencies are known to be down.</param>
    /// <param name="number">Which read it was; 0 for none.</param>
    /// <param name="begunAt">When it began, as a timestamp.</param>
    public ControlSnapshot(IEnumerable<Control> all, IReadOnlyList<(string Dependency, DateTimeOffset Until)> openBreakers, long number, long begunAt)
    {
        foreach (var control in all)
            byKey[KeyOf(control.Kind, control.Name)] = control;
        (OpenBreakers, Number, BegunAt) = (openBreakers, number, begunAt);
    }

    public IReadOnlyList<(string Dependency, DateTimeOffset Until)> OpenBreakers { get; }

    public long Number { get; }

    public long BegunAt { get; }

    /// <summary>By kind and name.</summary>
    public IEnumerable<Control> All => byKey.Values;

    public Control? Find(ControlKind kind, string name, DateTimeOffset now) =>
        byKey.Count > 0 && byKey.TryGetValue(KeyOf(kind, name), out var control) && control.IsInForce(now) ? control : null;

    /// <summary>What stops a job from starting, the widest first.</summary>
    public Control? PauseOf(Queue queue, string type, string tenant, DateTimeOffset now) =>
        Find(ControlKind.Queue, NameOf(queue), now) ?? Find(ControlKind.Type, type, now) ?? Find(ControlKind.Tenant, tenant, now);

    /// <summary>Whether a job, or its tenant, is among the percentage. Always the same ones for one name: who is in at 10 % is in at 20 %.</summary>
    public static bool Chooses(Control control, string jobId, string tenant) =>
        Lane.Fraction($"{control.Name}:{(control.Spread == Spread.Tenant ? tenant : jobId)}") * 100 < control.Percentage || control.Percentage >= 100;

    public static string NameOf(Queue queue) => queue switch
    {
        Queue.Critical => "critical",
        Queue.Bulk => "bulk",
        _ => "default",
    };

    private static string KeyOf(ControlKind kind, string name) => $"{(int)kind}/{name}";
}
