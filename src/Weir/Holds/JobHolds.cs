using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;

namespace Weir.Holds;

/// <summary>
/// Jobs that wait in their receipts instead of in a queue: for their batch to be resumed, or for an operator's control to end. A held job has no message, so it
/// costs nothing while it waits. Whoever holds one keeps where it is to be found again; whoever releases one sends its message.
/// </summary>
internal sealed class JobHolds(ReceiptTable receipts, JobQueues queues, KillPoints kill)
{
    private const int MaxTries = 4;

    /// <summary>Writes on the receipt that the job is held, and keeps its payload there: its message can be done with then.</summary>
    /// <returns>False when there is nothing to hold: it ended, or runs, and its claim tells what to do.</returns>
    public async Task<bool> HoldAsync(JobMessage message, CancellationToken cancellation)
    {
        if (await receipts.HoldUntilReleasedAsync(message.JobId, message.ReceiptETag, message.Body, message.Attempt, message.PutOffs + 1, cancellation) is not null)
            return true;
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            // The receipt has changed since the message was sent: given back by an instance that stopped, or held already by one that died before it settled the message.
            var receipt = await receipts.FindAsync(message.JobId, cancellation);
            if (receipt is not { State: JobState.Queued or JobState.Scheduled or JobState.Retrying or JobState.Held, CancelRequestedAt: null } || receipt.Replays != message.Replays)
                return false;
            if (receipt is { State: JobState.Held, HeldPutOffs: { } putOffs } && (receipt.HeldAttempt, putOffs).CompareTo((message.Attempt, message.PutOffs)) > 0)
                return true;
            // A message of the attempt that has failed: the next one's comes when its time has come.
            if (receipt.State == JobState.Retrying && message.Attempt <= receipt.Attempt)
                return false;
            if (await receipts.HoldUntilReleasedAsync(message.JobId, receipt.ETag, message.Body, Math.Max(message.Attempt, receipt.LeastAttempt), message.PutOffs + 1, cancellation) is not null)
                return true;
        }
        throw new TimeoutException($"The receipt of job {message.JobId} changed {MaxTries} times while it was to be held.");
    }

    /// <summary>
    /// Brings a held job back: the receipt is queued again → its message. What a crash leaves between the two is queued and still marked, and is sent by the next
    /// release; a second copy of a message is dropped by the broker, or by the claim.
    /// </summary>
    public async Task ReleaseAsync(string jobId, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await receipts.FindAsync(jobId, cancellation) is not { State: JobState.Held or JobState.Queued, HeldPutOffs: { } putOffs } receipt)
                return;
            var etag = receipt.State == JobState.Queued ? receipt.ETag : await receipts.ReleaseHeldAsync(jobId, receipt.ETag, cancellation);
            if (etag is not { } current)
                continue;
            kill.Pass(KillPoints.AfterHeldReleased);
            var message = receipt.ToMessage(payload: default) with { ReceiptETag = current, Attempt = receipt.HeldAttempt, PutOffs = putOffs };
            // An attempt that was begun before has checkpoints: named as it was, the receipt is read by the claim, which sees that.
            if (receipt.HeldAttempt <= receipt.Attempt)
                message = message with { ReceiptETag = receipt.ETag };
            await queues.SendAsync(receipt.Queue, message, cancellation);
            return;
        }
        throw new TimeoutException($"The receipt of job {jobId} changed {MaxTries} times while it was to be released.");
    }
}
