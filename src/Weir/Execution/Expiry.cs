using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Statistics;
using Weir.Workflows;

namespace Weir.Execution;

/// <summary>
/// Ends jobs that were not begun, or not begun again, in time. Asked before each claim, so that no attempt starts after a job's expiry; one
/// that runs by then runs to its end. The jobs themselves cause no operation for it: the message says when.
/// </summary>
internal sealed class Expiry(ReceiptTable receipts, Claims claims, Orchestrations orchestrations, KillPoints kill, JobStatistics statistics, TimeProvider clock)
{
    private const int MaxTries = 3;

    public bool IsPast(JobMessage message) => message.ExpiresAt is not null && message.ExpiresAt <= clock.GetUtcNow();

    /// <returns>The job as it ended, or what is to become of its message if it has not.</returns>
    public async Task<Claimed> ExpireAsync(JobMessage message, Queue queue, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await receipts.FindAsync(message.JobId, cancellation) is not { } receipt)
                return Claimed.Not(new Settlement.DeadLetter(DeadLetterReason.Poison, $"There is no receipt of job {message.JobId}."));
            if (message.Replays < receipt.Replays)
                return Claimed.Not(Settlement.Completed); // a copy left over from before a replay, which does not expire
            if (receipt.State.IsFinal())
                return new Claimed.Ended(receipt);

            var now = clock.GetUtcNow();
            if (receipt.IsOrchestrated)
            {
                await orchestrations.StartAsync(receipt.Id, receipt.Replays, cancellation); // it was begun in time
                return Claimed.Not(Settlement.Completed);
            }
            if (receipt.State == JobState.Running && receipt.LeaseUntil + Claims.ClockSkew > now)
                return Claimed.Not(await claims.PutOffAsync(message, queue, receipt.LeaseUntil + Claims.ClockSkew, cancellation));

            var error = new JobError(ErrorClass.Permanent, "Expired", $"The job expired at {message.ExpiresAt:O}, before it was {(receipt.Attempt == 0 ? "begun" : "tried again")}.", Stack: null);
            if (await receipts.ExpireAsync(message.JobId, receipt.ETag, now, error, receipt.State == JobState.Running ? Claims.Lost(receipt, now) : null, cancellation) is not null)
                statistics.Ended(JobEvent.Expired, message, queue);
            kill.Pass(KillPoints.AfterExpiry);
            // Read again: it is final now, or somebody else has changed it.
        }
        return Claimed.Not(await claims.PutOffAsync(message, queue, clock.GetUtcNow() + Claims.ClockSkew, cancellation));
    }
}
