using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Weir.Workflows;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>What happens to a receipt, and beside it, while an orchestration has the job.</summary>
internal sealed partial class ReceiptTable
{
    public async Task<WorkflowRecord?> ReadWorkflowAsync(string jobId, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {jobId}"), cancellationToken: cancellation))
            rows.Add(row);
        return WorkflowRecord.Of(rows);
    }

    /// <summary>Keeps the plan of a run. Written twice it is the same plan: whoever writes has looked for one before.</summary>
    public Task KeepPlanAsync(string jobId, int run, IReadOnlyList<PlanNode> plan, CancellationToken cancellation) =>
        table.SubmitTransactionAsync(Upserts(Chunks.Split(jobId, WorkflowRecord.PrefixOfPlan(run), JsonSerializer.SerializeToUtf8Bytes(plan))), cancellation);

    /// <summary>Writes the row of a step that has none yet (no <paramref name="expected"/>), or that is still as it was.</summary>
    /// <returns>Null when somebody else was first.</returns>
    public async Task<ETag?> WriteStepAsync(StepRecord step, ETag? expected, CancellationToken cancellation)
    {
        try
        {
            var row = step.ToRow();
            return EtagOf(expected is { } etag ? await table.UpdateEntityAsync(row, etag, TableUpdateMode.Replace, cancellation) : await table.AddEntityAsync(row, cancellation));
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    /// <summary>Writes the row of a step, and with it the state of the job.</summary>
    /// <returns>False when the receipt or the row has changed.</returns>
    public async Task<bool> PlaceStepAsync(Receipt receipt, JobState state, int change, StepRecord step, ETag? expected, CancellationToken cancellation)
    {
        var row = step.ToRow();
        TableTransactionAction[] actions =
        [
            new(TableTransactionActionType.UpdateMerge, Placed(receipt, state, change), receipt.ETag),
            expected is { } etag ? new(TableTransactionActionType.UpdateReplace, row, etag) : new(TableTransactionActionType.Add, row),
        ];
        try
        {
            await table.SubmitTransactionAsync(actions, cancellation);
            return true;
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return false;
        }
    }

    /// <summary>Records in which state a workflow is now.</summary>
    public Task<ETag?> PlaceAsync(Receipt receipt, JobState state, int change, CancellationToken cancellation) => MergeAsync(Placed(receipt, state, change), receipt.ETag, cancellation);

    /// <summary>Records that all that was done is undone.</summary>
    public Task<ETag?> CompensatedAsync(string jobId, ETag expected, AttemptRecord attempt, CancellationToken cancellation)
    {
        var change = Outcome(jobId, JobState.Compensated, attempt);
        change[Column.FinishedAt] = attempt.FinishedAt;
        attempt.Error?.WriteTo(change);
        return MergeWithAsync(change, expected, [attempt.ToRow(jobId)], cancellation);
    }

    /// <summary>Records an event once; without a payload, that it can come no more.</summary>
    /// <returns>False when it has come before, or can come no more.</returns>
    public async Task<bool> AddEventAsync(string jobId, string name, string? payload, DateTimeOffset at, CancellationToken cancellation)
    {
        var row = new TableEntity(jobId, WorkflowRecord.EventPrefix + name) { [Column.FinishedAt] = at };
        if (payload is not null)
            row[WorkflowRecord.EventPayload] = payload;
        try
        {
            await table.AddEntityAsync(row, cancellation);
            return true;
        }
        catch (RequestFailedException conflict) when (conflict.Status == 409)
        {
            return false;
        }
    }

    private static TableEntity Placed(Receipt receipt, JobState state, int change) =>
        new(receipt.Id, ReceiptRow) { [Column.State] = state.ToString(), [Column.Change] = change };
}
