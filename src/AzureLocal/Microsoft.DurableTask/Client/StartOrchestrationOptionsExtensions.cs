namespace Microsoft.DurableTask.Client;

public static class StartOrchestrationOptionsExtensions
{
    public static readonly IReadOnlyList<OrchestrationRuntimeStatus> ValidDedupeStatuses =
    [
        OrchestrationRuntimeStatus.Completed,
        OrchestrationRuntimeStatus.Failed,
        OrchestrationRuntimeStatus.Terminated,
#pragma warning disable CS0618 // nothing is ever Canceled, but the official list has it
        OrchestrationRuntimeStatus.Canceled,
#pragma warning restore CS0618
        OrchestrationRuntimeStatus.Pending,
        OrchestrationRuntimeStatus.Running,
        OrchestrationRuntimeStatus.Suspended,
    ];

    /// <inheritdoc cref="StartOrchestrationOptions.DedupeStatuses"/>
    public static StartOrchestrationOptions WithDedupeStatuses(
        this StartOrchestrationOptions options, params OrchestrationRuntimeStatus[] dedupeStatuses) =>
        options with { DedupeStatuses = [.. dedupeStatuses.Select(status => status.ToString())] };
}
