using Azure.Data.Tables;
using Weir.Api;
using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>How a step stands, as GET shows it.</summary>
internal enum StepStatus
{
    Pending,
    Running,
    Retrying,
    Waiting,
    Done,
    Skipped,
    Late,
    Failed,

    /// <summary>The job ended while it was on its way.</summary>
    Stopped,
}

/// <summary>A step of a workflow, as GET shows it.</summary>
/// <param name="Attempts">In the run that it belongs to, those included that were cut off.</param>
/// <param name="Until">When it goes on: its next try, or the end of its wait.</param>
internal sealed record StepView(string Name, NodeKind Kind, StepStatus State, int Attempts, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? Until, ErrorView? Error)
{
    /// <summary>Its undoing, once that has begun.</summary>
    public CompensationView? Compensation { get; init; }

    public static IReadOnlyList<StepView> Of(JobRecord job, IReadOnlyList<TableEntity> rows)
    {
        if (!rows.Any(row => row.RowKey.StartsWith(WorkflowRecord.PlanPrefix, StringComparison.Ordinal)))
            return [];
        var workflow = new WorkflowRecord(job, rows);
        var isOver = job.Receipt.State.IsFinal();
        return [.. PlanNode.Flatten(workflow.Plan).Where(node => node.IsStep).Select(node => Of(node, workflow.Find(StepRecord.StepPrefix, node.Name), workflow.Find(StepRecord.UndoPrefix, node.Name), isOver))];
    }

    private static StepView Of(PlanNode node, StepRecord? row, StepRecord? undo, bool isOver) => row is null
        ? new StepView(node.Name, node.Kind, StepStatus.Pending, 0, null, null, null, null)
        : new StepView(node.Name, node.Kind, StatusOf(row, isOver), row.Attempt, row.StartedAt, row.FinishedAt, row.IsOver ? null : row.Until, ErrorOf(row))
        {
            Compensation = undo is null ? null : new CompensationView(StatusOf(undo, isOver), undo.Attempt, undo.StartedAt, undo.FinishedAt, undo.IsOver ? null : undo.Until, ErrorOf(undo)),
        };

    private static StepStatus StatusOf(StepRecord row, bool isOver) => row.State switch
    {
        StepState.Done => StepStatus.Done,
        StepState.Skipped => StepStatus.Skipped,
        StepState.Late => StepStatus.Late,
        StepState.Failed => StepStatus.Failed,
        _ when isOver => StepStatus.Stopped,
        StepState.Retrying => StepStatus.Retrying,
        StepState.Waiting => StepStatus.Waiting,
        _ => StepStatus.Running,
    };

    private static ErrorView? ErrorOf(StepRecord row) => row.Error is { } error ? new ErrorView(error.Class.ToString(), error.Type, error.Message, Reason: null, error.Stack) : null;
}

internal sealed record CompensationView(StepStatus State, int Attempts, DateTimeOffset StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? Until, ErrorView? Error);
