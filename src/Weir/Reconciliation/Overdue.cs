using Microsoft.Extensions.Options;
using Weir.Execution;
using Weir.Index;
using Weir.Receipts;

namespace Weir.Reconciliation;

/// <summary>
/// When a job that has no message counts as forgotten; all rules are here. Time alone proves nothing, since a backlog may be hours deep: only a job that the census
/// of messages did not see is asked about.
/// </summary>
internal sealed class Overdue(IOptions<ReconcileOptions> options)
{
    /// <summary>Each resend doubles the quiet time before the next, up to 64 times: should the proof ever be wrong, that is what it costs.</summary>
    private const int MostDoublings = 6;

    public TimeSpan After => options.Value.After;

    /// <param name="receipt">A job without a message.</param>
    /// <param name="line">Its line in the list of jobs: if that does not say this end, what follows it may not have been done.</param>
    /// <param name="censusBegan">What changed after this may have a message that the census could not see.</param>
    public bool IsForgotten(Receipt receipt, JobSummary line, DateTimeOffset censusBegan)
    {
        if (receipt.ChangedAt + After * Math.Pow(2, Math.Min(receipt.Resends, MostDoublings)) > censusBegan)
            return false;
        return receipt.State switch
        {
            JobState.Scheduled or JobState.Queued or JobState.Retrying or JobState.Held => true,
            JobState.Running => receipt.LeaseUntil + Claims.ClockSkew < censusBegan,
            JobState.DeadLettered or JobState.Expired => !receipt.IsCollected && receipt.Discarded is null,
            JobState.Succeeded or JobState.Cancelled => !line.SaysEndOf(receipt),
            _ => false, // a workflow's states have a life of their own
        };
    }
}
