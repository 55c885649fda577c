using System.Text.Json;
using Azure.Data.Tables;
using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>A workflow job with everything that lies beside its receipt: one query.</summary>
internal sealed class WorkflowRecord
{
    public const string PlanPrefix = "plan-";
    public const string EventPrefix = "event-";

    /// <summary>In the row of an event: what it carried; without it the event came too late, and nobody can send it any more.</summary>
    public const string EventPayload = "Payload";

    private readonly SortedDictionary<string, StepRecord> steps = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string?> events = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<TableEntity> rows;

    public WorkflowRecord(JobRecord job, IReadOnlyList<TableEntity> rows)
    {
        (Job, this.rows) = (job, rows);
        foreach (var row in rows)
        {
            if (row.RowKey.StartsWith(EventPrefix, StringComparison.Ordinal))
                events[row.RowKey[EventPrefix.Length..]] = row.GetString(EventPayload);
            else if (StepRecord.Of(row) is { } step)
                steps[step.Prefix + step.Name] = step;
        }
    }

    public JobRecord Job { get; }

    public Receipt Receipt => Job.Receipt;

    /// <summary>The rows of steps and of undoings, in no order that says anything.</summary>
    public IEnumerable<StepRecord> Steps => steps.Values;

    public byte[] Payload => Chunks.Join(rows, Chunks.PayloadPrefix);

    public static WorkflowRecord? Of(IReadOnlyList<TableEntity> rows) => JobRecord.Of(rows) is { } job ? new WorkflowRecord(job, rows) : null;

    public StepRecord? Find(string prefix, string name) => steps.GetValueOrDefault(prefix + name);

    /// <summary>Whether the event has come, or its wait was closed; and what it carried, as JSON: null when it was closed.</summary>
    public bool TryFindEvent(string name, out string? payload) => events.TryGetValue(name, out payload);

    /// <summary>The results of the steps that are done, as JSON, by name.</summary>
    public IReadOnlyDictionary<string, string?> Results =>
        steps.Values.Where(step => step is { IsUndo: false, State: StepState.Done }).ToDictionary(step => step.Name, step => step.Result, StringComparer.Ordinal);

    /// <summary>The plan with which a run began; null when it has not begun.</summary>
    public IReadOnlyList<PlanNode>? PlanOf(int run)
    {
        var prefix = PrefixOfPlan(run);
        return Chunks.Join(rows, prefix) is { Length: > 0 } json ? JsonSerializer.Deserialize<PlanNode[]>(json) : null;
    }

    /// <summary>The plan of the newest run that has begun one from the start.</summary>
    public IReadOnlyList<PlanNode> Plan
    {
        get
        {
            for (var run = Receipt.Replays; run >= 0; run--)
            {
                if (PlanOf(run) is { } plan)
                    return plan;
            }
            return [];
        }
    }

    /// <summary>
    /// What has taken effect, or may have, and is not undone: what an earlier run could not undo, in its order; then what no run has come to undo, last done first.
    /// </summary>
    public IReadOnlyList<string> NotUndone()
    {
        var left =
            from node in PlanNode.Flatten(Plan).Reverse() // what was done in the same tick, last listed first
            where node.HasUndo && Find(StepRecord.UndoPrefix, node.Name)?.State != StepState.Done
            let step = Find(StepRecord.StepPrefix, node.Name)
            where step is { State: StepState.Done } || (step is not null && step.State != StepState.Skipped && node.UndoneEvenHalfRun)
            orderby Find(StepRecord.UndoPrefix, node.Name)?.Order ?? int.MaxValue, step.FinishedAt descending
            select node.Name;
        return [.. left];
    }

    public static string PrefixOfPlan(int run) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{PlanPrefix}{run:0000}-");
}
