using Weir.Batches;
using Weir.Completion;
using Weir.DeadLetters;
using Weir.Index;
using Weir.Lanes;
using Weir.Limits;
using Weir.Receipts;
using Weir.Submission;
using Weir.Uniqueness;
using Weir.Workflows;

namespace Weir.Execution;

/// <summary>
/// What follows a job's end, after its outcome is on record and before its message is settled. A crash in between brings the
/// message back, and with it all of this again: each step must change nothing when it is done twice.
/// </summary>
internal sealed class JobEndings(
    JobSubmission submission, UniqueKeys uniques, JobAnnouncements announcements, JobIndex index, OrderedKeys keys, BatchCounter batches, ParentNotices parents, ReceiptTable receipts, DeadLetterTable catalogue, TenantQuotas quotas, TimeProvider clock)
{
    /// <param name="message">The message of the job that ended.</param>
    /// <param name="state">The final state.</param>
    /// <param name="children">What it enqueues by having succeeded.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="finishedAt">When it ended; null is just now.</param>
    public async Task AfterAsync(JobMessage message, JobState state, IReadOnlyList<ChildJob> children, CancellationToken cancellation, DateTimeOffset? finishedAt = null)
    {
        foreach (var child in children)
            await submission.SubmitChildAsync(child, message.JobId, message.Tenant, cancellation);
        await announcements.AfterAsync(message, cancellation);
        if (message.Follows.HasFlag(Follows.Unique))
            await uniques.ReleaseAsync(message.JobId, cancellation);
        if (message.Batch is { } item)
            await batches.CountAsync(item, message.Replays, state, cancellation);
        if (message.Follows.HasFlag(Follows.Parent))
            await parents.AfterAsync(message.JobId, cancellation);
        if (message.Replays > 0 && state is not (JobState.DeadLettered or JobState.Expired))
            await MarkReplayedAsync(message.JobId, cancellation);
        quotas.Ended(message.Tenant, message.JobId);
        await keys.AfterAsync(message, state, cancellation); // last: the next of its key starts when all that belongs to this one is done
        // A line that says that the job has ended says that all this was done: of one that does not, the reconciler has it done.
        if (message.SubmittedAt is { } submittedAt)
            index.Put(JobSummary.Of(message, state, submittedAt, finishedAt ?? clock.GetUtcNow()));
    }

    /// <summary>Its replay may have been cut off after it sent the message and before it said so: the dead letter would stay open for ever. Of one that died again the collector does it.</summary>
    private async Task MarkReplayedAsync(string jobId, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(jobId, cancellation) is { DeadLetter: { } entry, LastReplay: { } replay })
            await catalogue.MarkAsync(entry, DeadLetterState.Replayed, replay, cancellation);
    }
}
