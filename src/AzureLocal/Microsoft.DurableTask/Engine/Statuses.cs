using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>Sets of statuses as bits, which is how storage is asked for them.</summary>
internal static class Statuses
{
    public const int AllBits = ~0;

    public static readonly int UnfinishedBits = Bits(
        OrchestrationRuntimeStatus.Pending, OrchestrationRuntimeStatus.Running, OrchestrationRuntimeStatus.Suspended);

    public static int Bits(params IEnumerable<OrchestrationRuntimeStatus> statuses) =>
        statuses.Aggregate(0, static (bits, status) => bits | 1 << (int)status);

    public static bool IsFinal(OrchestrationRuntimeStatus status) =>
        status is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated;
}
