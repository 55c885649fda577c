using System.Collections.Immutable;

namespace Microsoft.DurableTask;

/// <summary>How to call an activity or a sub-orchestration.</summary>
public record TaskOptions
{
    public TaskOptions(TaskRetryOptions? retry)
        : this(retry, null)
    {
    }

    public TaskOptions(TaskRetryOptions? retry = null, IDictionary<string, string>? tags = null) => (Retry, Tags) = (retry, tags);

    public TaskOptions(TaskOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (Retry, Tags, Version) = (options.Retry, options.Tags, options.Version);
    }

    public TaskRetryOptions? Retry { get; init; }

    public IDictionary<string, string>? Tags { get; init; }

    public TaskVersion? Version { get; init; }

    public static TaskOptions FromRetryPolicy(RetryPolicy policy) => new(policy);

    public static TaskOptions FromRetryHandler(AsyncRetryHandler handler) => new(handler);

    public static TaskOptions FromRetryHandler(RetryHandler handler) => new(handler);

    public SubOrchestrationOptions WithInstanceId(string instanceId) => new(this, instanceId);
}

/// <summary>How to call a sub-orchestration: with which instance id (a replay-safe new one unless told) and version.</summary>
public record SubOrchestrationOptions : TaskOptions
{
    public SubOrchestrationOptions(TaskRetryOptions? retry = null, string? instanceId = null)
        : base(retry) => InstanceId = instanceId;

    public SubOrchestrationOptions(TaskOptions options, string? instanceId = null)
        : base(options) => InstanceId = instanceId ?? (options as SubOrchestrationOptions)?.InstanceId;

    public SubOrchestrationOptions(SubOrchestrationOptions options)
        : base(options) => InstanceId = options.InstanceId;

    public string? InstanceId { get; init; }

    public new TaskVersion? Version
    {
        get => base.Version;
        init => base.Version = value;
    }
}

/// <summary>How to start an orchestration: its id, when, its version, and what to do when the id exists.</summary>
public record StartOrchestrationOptions
{
    public StartOrchestrationOptions(string? InstanceId = null, DateTimeOffset? StartAt = null) =>
        (this.InstanceId, this.StartAt) = (InstanceId, StartAt);

    public StartOrchestrationOptions(StartOrchestrationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (InstanceId, StartAt, Tags) = (options.InstanceId, options.StartAt, options.Tags);
        (Version, DedupeStatuses) = (options.Version, options.DedupeStatuses);
    }

    public string? InstanceId { get; init; }

    public DateTimeOffset? StartAt { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = ImmutableDictionary<string, string>.Empty;

    public TaskVersion? Version { get; init; }

    /// <summary>
    /// In which states an existing instance of this id refuses the start; in any other it is replaced, a running one after it
    /// was terminated. Null leaves it to the backend (here: refuse while it runs), empty replaces always.
    /// </summary>
    public IReadOnlyList<string>? DedupeStatuses { get; init; }
}
