using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Receipts;
using static Weir.Batches.Batch;

namespace Weir.Batches;

/// <summary>
/// Does what a crash has cut off, for the batches that have something to be done for them: goes on with a release or a cancellation, finishes what is complete, and compares the
/// counts with the receipts where they have not changed for long. Removes batches that ended long ago.
/// </summary>
public sealed partial class BatchSweep
{
    private const int AtOnce = 32;
    private const int MostOpen = 500;
    private const int MostRemoved = 100;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);

    /// <summary>An end that was not counted comes back with its message within minutes; this is for those that have no message.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(10);

    private readonly BatchTable table;
    private readonly BatchControls controls;
    private readonly BatchCompletion completion;
    private readonly BatchCounter counter;
    private readonly ReceiptTable receipts;
    private readonly IOptions<WeirOptions> options;
    private readonly TimeProvider clock;
    private readonly ILogger<BatchSweep> logger;

    /// <summary>Where the next run goes on. Lost with the process, which costs looking at some batches twice.</summary>
    private string nextOpen = "";
    private string? nextOld;

    internal BatchSweep(
        BatchTable table, BatchControls controls, BatchCompletion completion, BatchCounter counter, ReceiptTable receipts, IOptions<WeirOptions> options, TimeProvider clock, ILogger<BatchSweep> logger) =>
        (this.table, this.controls, this.completion, this.counter, this.receipts, this.options, this.clock, this.logger) = (table, controls, completion, counter, receipts, options, clock, logger);

    /// <summary>One run. What it does is safe to do twice, and at once.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var until = clock.GetUtcNow() + Limit;
        var open = await table.ReadOpenAsync(nextOpen, MostOpen, cancellation);
        nextOpen = open.Count < MostOpen ? "" : open[^1].BatchId;
        foreach (var (batchId, openedAt) in open)
        {
            if (clock.GetUtcNow() >= until)
            {
                nextOpen = batchId;
                return;
            }
            await LookAfterAsync(batchId, openedAt, cancellation);
        }
        await RemoveOldAsync(cancellation);
    }

    private async Task LookAfterAsync(string batchId, DateTimeOffset openedAt, CancellationToken cancellation)
    {
        try
        {
            var standing = await table.ReadAsync(batchId, cancellation);
            if (standing is null)
            {
                // Its row is about to be written; or never was, or was removed.
                if (openedAt + Quiet < clock.GetUtcNow())
                    await table.CloseAsync(batchId, cancellation);
                return;
            }
            if (standing.Batch.RefusedCode is not null)
            {
                if (await controls.CancelItemsAsync(standing, cancellation))
                    await table.CloseAsync(batchId, cancellation);
                return;
            }
            if (standing.Batch.CancelledAt is not null && !standing.IsComplete)
                await controls.CancelItemsAsync(standing, cancellation);
            else
                await controls.ReleaseAsync(standing, cancellation);
            if (await completion.FinishIfCompleteAsync(batchId, cancellation) is not { } now)
                return;
            if (now is { IsOver: true, Batch.IsReleasing: false })
                await table.CloseAsync(batchId, cancellation);
            else
                await ReconcileAsync(now, cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotLookedAfter(failure, batchId);
        }
    }

    /// <summary>What the receipts of pending items say, if no end has been counted for long: up to 10,000 reads, once in ten minutes.</summary>
    private async Task ReconcileAsync(BatchStanding standing, CancellationToken cancellation)
    {
        var (batch, now) = (standing.Batch, clock.GetUtcNow());
        if (new[] { standing.CountedAt, batch.ReconciledAt, batch.AcceptedAt }.Max() is not { } last || batch.AcceptedAt is null || last + Quiet > now)
            return;
        await table.ChangeAsync(batch.Id, _ => new() { [Column.ReconciledAt] = now }, cancellation);
        var found = 0;
        foreach (var some in Enumerable.Range(0, batch.Total).Where(index => standing.ItemOf(index).State == ItemState.Pending).Chunk(AtOnce))
        {
            var jobs = await Task.WhenAll(some.Select(index => receipts.FindAsync(new BatchItem(batch.Id, index).JobIdIn(batch.Tenant), cancellation)));
            var ends = some.Zip(jobs).Where(pair => pair.Second?.State.IsFinal() == true).Select(pair => new ItemEnd(pair.First, pair.Second!.Replays, ItemStates.Of(pair.Second.State))).ToArray();
            await counter.CountAsync(batch.Id, ends, cancellation);
            found += ends.Length;
        }
        if (found > 0)
            LogReconciled(batch.Id, found);
    }

    private async Task RemoveOldAsync(CancellationToken cancellation)
    {
        var due = clock.GetUtcNow() - options.Value.Retention;
        var lines = await table.BeforeAsync(due, nextOld, MostRemoved, cancellation);
        nextOld = lines.Count < MostRemoved ? null : lines[^1].Key;
        foreach (var line in lines)
        {
            var standing = await table.ReadAsync(line.BatchId, cancellation);
            if (standing is null || !line.IsOf(standing.Batch))
                await table.RemoveLineAsync(line, cancellation);
            else if (standing.Batch.AcceptedAt is null || (standing.IsComplete && standing.Batch.CompletedAt < due))
                await table.RemoveAsync(line, cancellation);
        }
    }

    [LoggerMessage(520, LogLevel.Error, "Batch {BatchId} could not be looked after; the next run tries again")]
    private partial void LogNotLookedAfter(Exception failure, string batchId);

    [LoggerMessage(521, LogLevel.Warning, "{Count} ends of items of batch {BatchId} had not been counted, and are now")]
    private partial void LogReconciled(string batchId, int count);
}
