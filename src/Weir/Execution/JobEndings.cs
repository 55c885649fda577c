using Weir.Lanes;
using Weir.Submission;
using Weir.Uniqueness;

namespace Weir.Execution;

/// <summary>
/// What follows a job's end, after its outcome is on record and before its message is settled. A crash in between brings the
/// message back, and with it all of this again: each step must change nothing when it is done twice.
/// </summary>
internal sealed class JobEndings(JobSubmission submission, UniqueKeys uniques, OrderedKeys keys)
{
    /// <param name="message">The message of the job that ended.</param>
    /// <param name="state">The final state.</param>
    /// <param name="children">What it enqueues by having succeeded.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task AfterAsync(JobMessage message, JobState state, IReadOnlyList<ChildJob> children, CancellationToken cancellation)
    {
        foreach (var child in children)
            await submission.SubmitChildAsync(child, message.JobId, message.Tenant, cancellation);
        if (message.Follows.HasFlag(Follows.Unique))
            await uniques.ReleaseAsync(message.JobId, cancellation);
        await keys.AfterAsync(message, state, cancellation); // last: the next of its key starts when all that belongs to this one is done
    }
}
