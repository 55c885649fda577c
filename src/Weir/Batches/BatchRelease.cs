using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;

namespace Weir.Batches;

/// <summary>
/// Brings held items back: the receipt is queued again → its message. What a crash leaves between the two is queued and still marked, and is sent by the next
/// release; a second copy of a message is dropped by the broker, or by the claim.
/// </summary>
internal sealed class BatchRelease(ReceiptTable receipts, JobQueues queues, KillPoints kill)
{
    private const int MaxTries = 4;

    public async Task ReleaseAsync(string jobId, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await receipts.FindAsync(jobId, cancellation) is not { State: JobState.Held or JobState.Queued, HeldForBatch: { } putOffs } receipt)
                return;
            var etag = receipt.State == JobState.Queued ? receipt.ETag : await receipts.ReleaseForBatchAsync(jobId, receipt.ETag, cancellation);
            if (etag is not { } current)
                continue;
            kill.Pass(KillPoints.AfterBatchReleased);
            await queues.SendAsync(receipt.Queue, receipt.ToMessage(payload: default) with { ReceiptETag = current, PutOffs = putOffs }, cancellation);
            return;
        }
        throw new TimeoutException($"The receipt of job {jobId} changed {MaxTries} times while it was to be released.");
    }
}
