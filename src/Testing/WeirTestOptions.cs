namespace Weir.Testing;

/// <summary>What a test may want otherwise.</summary>
public sealed record WeirTestOptions
{
    /// <summary>What configuration says, by its name: <c>["Weir:Jobs:crm.sync:Retry"] = "patient"</c>.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>(StringComparer.Ordinal);

    /// <summary>When the test begins. A Monday morning unless told.</summary>
    public DateTimeOffset StartAt { get; init; } = new(2030, 1, 7, 9, 0, 0, TimeSpan.Zero);

    /// <summary>How many sessions of a queue the instance serves at once.</summary>
    public int Sessions { get; init; } = 8;

    /// <summary>Whose jobs they are when a submission names nobody.</summary>
    public string Tenant { get; init; } = "default";

    /// <summary>All chance comes from it: the same seed gives the same ids, and so the same delays.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>
    /// The real time that a handler gets, whenever it waits for something and nothing else can go on, before the virtual time passes. For handlers that call what is outside of
    /// the test, such as a database in a container, give more.
    /// </summary>
    public TimeSpan RealWait { get; init; } = TimeSpan.FromMilliseconds(50);
}
