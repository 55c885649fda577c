namespace Microsoft.DurableTask.Engine;

/// <summary>Which instances this engine works on, compared with <see cref="EngineOptions.DefaultVersion"/>.</summary>
internal enum VersionMatchStrategy
{
    /// <summary>All.</summary>
    None,

    /// <summary>Those of exactly that version.</summary>
    Strict,

    /// <summary>Those of that version and of older ones; without a version is the oldest.</summary>
    CurrentOrOlder,
}

/// <summary>What to do with an instance whose version does not match.</summary>
internal enum VersionFailureStrategy
{
    /// <summary>Leave it as it is, for another process.</summary>
    Reject,

    Fail,
}

internal sealed record EngineOptions
{
    /// <summary>The host's default: ten per processor, as the Functions host had it.</summary>
    public int MaxConcurrentOrchestrators { get; init; } = 10 * Environment.ProcessorCount;

    public int MaxConcurrentActivities { get; init; } = 10 * Environment.ProcessorCount;

    /// <summary>
    /// How long taken work stays locked without renewal. Only a process that hangs makes others wait for it: the locks of a dead
    /// one are freed at once. Locks of activities under way are renewed at a third of it.
    /// </summary>
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The version of new instances that name none, and of this engine. Null switches version matching off.</summary>
    public string? DefaultVersion { get; init; }

    public VersionMatchStrategy VersionMatchStrategy { get; init; } = VersionMatchStrategy.CurrentOrOlder;

    public VersionFailureStrategy VersionFailureStrategy { get; init; } = VersionFailureStrategy.Reject;

    public DataConverter DataConverter { get; init; } = Converters.JsonDataConverter.Default;

    /// <summary>How often to look for what other processes did, while there are any. A store in memory has none and is not polled.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The id under which work is locked; null for that of the store's process. A simulation names each of its hosts.</summary>
    public string? ProcessId { get; init; }

    /// <summary>Whether the process of an id still runs; null asks the store's registry.</summary>
    public Func<string, bool>? IsProcessAlive { get; init; }

    /// <summary>Whether other processes share the store now; null asks the store's registry.</summary>
    public Func<bool>? HasOtherProcesses { get; init; }

    /// <summary>Puts something between the engine and its storage: a simulation's faults, a test's counter.</summary>
    public Func<IOrchestrationStore, IOrchestrationStore>? DecorateStore { get; init; }
}
