namespace Microsoft.DurableTask.Client;

public record OrchestrationQuery(
    DateTimeOffset? CreatedFrom = null,
    DateTimeOffset? CreatedTo = null,
    IEnumerable<OrchestrationRuntimeStatus>? Statuses = null,
    IEnumerable<string>? TaskHubNames = null,
    string? InstanceIdPrefix = null,
    int PageSize = OrchestrationQuery.DefaultPageSize,
    bool FetchInputsAndOutputs = false,
    string? ContinuationToken = null)
{
    public const int DefaultPageSize = 100;
}

public record TerminateInstanceOptions(object? Output = null, bool Recursive = false);

public record PurgeInstanceOptions(bool Recursive = false);

public record PurgeInstancesFilter(
    DateTimeOffset? CreatedFrom = null, DateTimeOffset? CreatedTo = null, IEnumerable<OrchestrationRuntimeStatus>? Statuses = null)
{
    /// <summary>How long to go on purging; what is left then is told by <see cref="PurgeResult.IsComplete"/>.</summary>
    public TimeSpan? Timeout { get; init; }
}

public class PurgeResult
{
    public PurgeResult(int count)
        : this(count, null)
    {
    }

    public PurgeResult(int count, bool? isComplete) => (PurgedInstanceCount, IsComplete) = (count, isComplete);

    public int PurgedInstanceCount { get; }

    public bool? IsComplete { get; }
}
