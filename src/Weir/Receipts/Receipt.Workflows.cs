using Weir.Workflows;

namespace Weir.Receipts;

/// <summary>What a receipt says of the orchestration that has its job.</summary>
internal sealed partial class Receipt
{
    /// <summary>An orchestration owns the job: no lease ends, and whoever comes with its message only sees to it that the orchestration is there.</summary>
    public bool IsOrchestrated => State is JobState.Running or JobState.Waiting or JobState.Compensating && Owner is { } owner && Orchestrations.IsOwner(owner);

    /// <summary>The orchestration of the job's newest run.</summary>
    public string OrchestrationId => Orchestrations.InstanceOf(Id, Replays);

    /// <summary>The step of its parent that waits for it.</summary>
    public string? ParentStep => row.GetString(Column.ParentStep);

    /// <summary>Which change of state within a run of a workflow the receipt has seen: parallel branches may write theirs in another order than they came.</summary>
    public int Change => row.GetInt32(Column.Change) ?? 0;

    internal static partial class Column
    {
        public const string Change = "Change";
        public const string ParentStep = "ParentStep";
    }
}
