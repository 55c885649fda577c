using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Submission;
using static Weir.Batches.Batch;

namespace Weir.Batches;

/// <summary>
/// What follows a batch's last end: the summary onto its row, once → the completion job, made of that → done. Each step done again after a crash, by the
/// message that came back or by the sweep, is the same step: the job's id follows from the batch's, and its payload is what stands on the row.
/// </summary>
internal sealed partial class BatchCompletion(BatchTable table, JobSubmission submission, KillPoints kill, TimeProvider clock, ILogger<BatchCompletion> logger)
{
    /// <returns>The batch as it stands; null when there is none.</returns>
    public async Task<BatchStanding?> FinishIfCompleteAsync(string batchId, CancellationToken cancellation)
    {
        if (await table.ReadAsync(batchId, cancellation) is not { } standing)
            return null;
        if (!standing.IsComplete || standing.Batch.IsDone)
            return standing;

        var now = clock.GetUtcNow();
        var batch = await table.ChangeAsync(batchId, current => current.CompletedAt is not null ? null : new()
        {
            [Column.CompletedAt] = now,
            [Column.Summary] = JsonSerializer.Serialize(BatchSummary.Of(standing, now), ContractJson.Options),
        }, cancellation);
        if (batch is null)
            return null;
        kill.Pass(KillPoints.AfterBatchCompleted);
        var job = batch.CompletionType is null ? null : await SubmitAsync(batch, cancellation);
        kill.Pass(KillPoints.AfterBatchCompletionSent);
        await table.ChangeAsync(batchId, current => current.IsDone ? null : DoneWith(job), cancellation);
        if (!batch.IsReleasing && batch.PausedAt is null)
            await table.CloseAsync(batchId, cancellation);
        LogCompleted(batchId, batch.Total, standing.Of(ItemState.Succeeded));
        return await table.ReadAsync(batchId, cancellation);
    }

    /// <summary>What a completion job would be refused for, when it is asked for; null when nothing.</summary>
    public Submitted.Refused? Check(string type, string tenant)
    {
        var sample = new BatchSummary(JobId.FromKey(tenant, type, "sample"), null, default, default, 0, 0, 0, 0, 0, 0, 0, "/api/batches/…");
        return submission.Check(RequestFor(type, JsonSerializer.Serialize(sample, ContractJson.Options), "sample"), tenant, idempotencyKey: null, out _);
    }

    private async Task<string?> SubmitAsync(Batch batch, CancellationToken cancellation)
    {
        switch (await submission.SubmitFollowingAsync(RequestFor(batch.CompletionType!, batch.Summary!, batch.Id), batch.Tenant, $"batch:{batch.Id}", cancellation))
        {
            case Submitted.Accepted accepted:
                return accepted.JobId;
            case Submitted.Refused { Refusal: Refusal.StoreUnavailable } away:
                throw new TimeoutException(away.Detail);
            case Submitted.Refused refused:
                // Checked when the batch came; a deployment since then may serve the type no more, and trying again would not help.
                LogRefused(batch.Id, batch.CompletionType!, refused.Detail);
                return null;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static SubmitRequest RequestFor(string type, string summary, string batchId) => new(type, JsonElement.Parse(summary)) { CorrelationId = batchId };

    private static Dictionary<string, object> DoneWith(string? job)
    {
        var columns = new Dictionary<string, object> { [Column.Done] = true };
        if (job is not null)
            columns[Column.CompletionJob] = job;
        return columns;
    }

    [LoggerMessage(500, LogLevel.Information, "Batch {BatchId} is complete: {Succeeded} of {Total} items succeeded")]
    private partial void LogCompleted(string batchId, int total, int succeeded);

    [LoggerMessage(501, LogLevel.Error, "The completion job of batch {BatchId} ({Type}) is refused, and will not come: {Detail}")]
    private partial void LogRefused(string batchId, string type, string detail);
}
