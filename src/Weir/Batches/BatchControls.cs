using Microsoft.Extensions.Logging;
using Weir.Cancellation;
using Weir.Execution;
using Weir.Holds;
using Weir.Receipts;
using static Weir.Batches.Batch;

namespace Weir.Batches;

/// <summary>
/// What can be asked of a whole batch: pause, resume, cancel. First its row says so, durably; then its items follow, as many as one request's time allows, and
/// the sweep goes on with the rest. Asked again it does what is left.
/// </summary>
internal sealed partial class BatchControls(
    BatchTable table, BatchGate gate, JobHolds holds, JobCancellation cancellations, BatchCompletion completion, KillPoints kill, TimeProvider clock, ILogger<BatchControls> logger)
{
    private const int AtOnce = 32;

    /// <summary>The load balancer cuts an answer off after 230 s, most proxies after 30 to 60.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(20);

    /// <summary>Nothing of the batch begins any more until it is resumed; what runs runs on.</summary>
    public async Task<BatchStanding?> PauseAsync(string batchId, CancellationToken cancellation)
    {
        await table.OpenAsync(batchId, cancellation);
        var now = clock.GetUtcNow();
        await table.ChangeAsync(batchId, batch => batch.PausedAt is not null || batch.CancelledAt is not null ? null : new()
        {
            [Column.Paused] = true,
            [Column.PausedAt] = now,
            [Column.Releasing] = false,
        }, cancellation);
        kill.Pass(KillPoints.AfterBatchPaused);
        gate.Forget(batchId);
        LogPaused(batchId);
        return await table.ReadAsync(batchId, cancellation);
    }

    /// <summary>The batch goes on, with what is held first.</summary>
    public async Task<BatchStanding?> ResumeAsync(string batchId, CancellationToken cancellation)
    {
        await table.ChangeAsync(batchId, batch => batch.PausedAt is null ? null : new() { [Column.Paused] = false, [Column.Releasing] = true }, cancellation);
        kill.Pass(KillPoints.AfterBatchResumed);
        gate.Forget(batchId);
        LogResumed(batchId);
        if (await table.ReadAsync(batchId, cancellation) is not { } standing)
            return null;
        await ReleaseAsync(standing, cancellation);
        return await table.ReadAsync(batchId, cancellation);
    }

    /// <summary>Sends what is held, unless it is paused again. An item that is held after this was begun sees for itself that the batch goes on.</summary>
    public async Task ReleaseAsync(BatchStanding standing, CancellationToken cancellation)
    {
        if (!standing.Batch.IsReleasing)
            return;
        if (await ForPendingAsync(standing, jobId => holds.ReleaseAsync(jobId, cancellation)))
            await table.ChangeAsync(standing.Batch.Id, batch => batch is { IsReleasing: true, PausedAt: null } ? new() { [Column.Releasing] = false } : null, cancellation);
    }

    /// <summary>Ends what has not begun, and asks what runs to stop.</summary>
    public async Task<BatchStanding?> CancelAsync(string batchId, CancelRequest request, CancellationToken cancellation)
    {
        await table.OpenAsync(batchId, cancellation);
        var now = clock.GetUtcNow();
        await table.ChangeAsync(batchId, batch =>
        {
            if (batch.CancelledAt is not null)
                return null;
            var columns = new Dictionary<string, object> { [Column.CancelledAt] = now };
            if (request.By is not null)
                columns[Column.CancelledBy] = request.By;
            if (request.Reason is not null)
                columns[Column.CancelReason] = request.Reason;
            return columns;
        }, cancellation);
        kill.Pass(KillPoints.AfterBatchCancelled);
        gate.Forget(batchId);
        LogCancelled(batchId, request.By);
        if (await table.ReadAsync(batchId, cancellation) is not { } standing)
            return null;
        await CancelItemsAsync(standing, cancellation);
        return await completion.FinishIfCompleteAsync(batchId, cancellation);
    }

    /// <summary>Items that are put in after this, or come back, find at the gate that their batch is cancelled.</summary>
    /// <returns>Whether there was time for all.</returns>
    public Task<bool> CancelItemsAsync(BatchStanding standing, CancellationToken cancellation) =>
        ForPendingAsync(standing, jobId => cancellations.CancelAsync(jobId, tenant: null, RequestOf(standing.Batch), cancellation));

    public static CancelRequest RequestOf(Batch batch) => new(batch.CancelReason ?? "its batch was cancelled", batch.CancelledBy);

    /// <summary>False when the time was over before all were done.</summary>
    private async Task<bool> ForPendingAsync(BatchStanding standing, Func<string, Task> act)
    {
        var batch = standing.Batch;
        var until = clock.GetUtcNow() + MaxTime;
        var pending = Enumerable.Range(0, Math.Max(batch.Total, batch.Begun)).Select(index => (Id: new BatchItem(batch.Id, index).JobIdIn(batch.Tenant), Index: index))
            .Where(item => standing.Shard(BatchItem.ShardOf(item.Id, batch.Shards)).Of(item.Index).State == ItemState.Pending);
        foreach (var some in pending.Chunk(AtOnce))
        {
            if (clock.GetUtcNow() >= until)
                return false;
            await Task.WhenAll(some.Select(item => act(item.Id)));
        }
        return true;
    }

    [LoggerMessage(510, LogLevel.Information, "Batch {BatchId} is paused")]
    private partial void LogPaused(string batchId);

    [LoggerMessage(511, LogLevel.Information, "Batch {BatchId} goes on")]
    private partial void LogResumed(string batchId);

    [LoggerMessage(512, LogLevel.Information, "Batch {BatchId} is cancelled, by {Operator}")]
    private partial void LogCancelled(string batchId, string? @operator);
}
