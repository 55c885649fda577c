using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Statistics;
using Weir.Workflows;

namespace Weir.Cancellation;

/// <summary>
/// Cancels jobs. One that nobody runs ends at once, and its message, whenever it comes, finds it ended. One that runs is asked: by its
/// receipt, and, so that it hears of it soon, in this process or by a notice to the others. So is a workflow that waits for its replay while steps of an earlier run stand: it is that replay which
/// undoes them.
/// </summary>
internal sealed partial class JobCancellation(
    ReceiptTable receipts, JobCatalog catalog, CancelNotices notices, InFlight inFlight, JobEndings endings, Orchestrations orchestrations, KillPoints kill, JobStatistics statistics, TimeProvider clock, ILogger<JobCancellation> logger)
{
    private const int MaxTries = 8;

    /// <param name="jobId">The job.</param>
    /// <param name="tenant">Whose jobs exist for the caller; null is every tenant.</param>
    /// <param name="request">Who and why.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="TimeoutException">The receipt changed whenever it was to be written.</exception>
    public async Task<Cancelled> CancelAsync(string jobId, string? tenant, CancelRequest request, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await receipts.FindAsync(jobId, cancellation) is not { } job || (tenant is not null && job.Tenant != tenant))
                return new Cancelled.NotFound();
            if (job.State.IsFinal())
                return await AlreadyFinalAsync(job, cancellation);

            var done = job.State is JobState.Running or JobState.Waiting or JobState.Compensating
                ? await RequestAsync(job, job.Attempt, request, cancellation)
                : await HasToUndoAsync(job, cancellation) ? await RequestAsync(job, job.Attempt + 1, request, cancellation)
                : await EndAsync(job, request, cancellation);
            if (done is not null)
                return done;
        }
        throw new TimeoutException($"The receipt of job {jobId} changed {MaxTries} times while it was being cancelled.");
    }

    private async Task<Cancelled?> EndAsync(Receipt job, CancelRequest request, CancellationToken cancellation)
    {
        if (await receipts.CancelAsync(job.Id, job.ETag, clock.GetUtcNow(), request, lost: null, cancellation) is null)
            return null;

        kill.Pass(KillPoints.AfterCancel);
        statistics.Count(JobEvent.Cancelled, job.Type, job.Queue, job.Tenant);
        LogCancelled(job.Id, job.Type, job.State);
        // A type that claims nothing may run by now, and its receipt would not say so.
        if (catalog.Find(job.Type) is { Guarantee: Guarantee.AtLeastOnce })
            await TellAsync(job.Id, attempt: null, cancellation);
        await endings.AfterAsync(job.ToMessage(default), JobState.Cancelled, [], cancellation);
        return new Cancelled.Done(job, JobState.Cancelled);
    }

    private async Task<bool> HasToUndoAsync(Receipt job, CancellationToken cancellation) =>
        job.Replays > 0 && await receipts.ReadWorkflowAsync(job.Id, cancellation) is { } workflow && workflow.NotUndone().Count > 0;

    /// <param name="attempt">Which it concerns: the one that runs, or the next.</param>
    private async Task<Cancelled?> RequestAsync(Receipt job, int attempt, CancelRequest request, CancellationToken cancellation)
    {
        if (job.CancelRequestedAt is null && await receipts.RequestCancelAsync(job.Id, job.ETag, attempt, clock.GetUtcNow(), request, cancellation) is null)
            return null;

        kill.Pass(KillPoints.AfterCancel);
        LogRequested(job.Id, job.Type, attempt);
        if (job.IsOrchestrated)
            await orchestrations.TellAsync(job, Orchestrations.Cancel, cancellation);
        else
            await TellAsync(job.Id, attempt, cancellation);
        return new Cancelled.Done(job, job.State);
    }

    private async Task TellAsync(string jobId, int? attempt, CancellationToken cancellation)
    {
        inFlight.RequestCancel(jobId, attempt);
        await notices.AddAsync(jobId, attempt, cancellation);
    }

    /// <summary>Whoever cancelled it may have been cut off before what follows was done, and a job that waited for a key has no message to bring it back.</summary>
    private async Task<Cancelled> AlreadyFinalAsync(Receipt job, CancellationToken cancellation)
    {
        if (job.State == JobState.Cancelled)
            await endings.AfterAsync(job.ToMessage(default), JobState.Cancelled, [], cancellation);
        return new Cancelled.AlreadyFinal(job);
    }

    [LoggerMessage(1402, LogLevel.Information, "Job {JobId} ({Type}) was cancelled while it was {State}")]
    private partial void LogCancelled(string jobId, string type, JobState state);

    [LoggerMessage(1403, LogLevel.Information, "Job {JobId} ({Type}) is asked to stop in attempt {Attempt}")]
    private partial void LogRequested(string jobId, string type, int attempt);
}

/// <summary>The answer to a cancellation.</summary>
internal abstract record Cancelled
{
    private Cancelled() { }

    public sealed record NotFound : Cancelled;

    public sealed record AlreadyFinal(Receipt Job) : Cancelled;

    /// <param name="State">Cancelled; or still the state of a job that runs, and was asked to stop.</param>
    public sealed record Done(Receipt Job, JobState State) : Cancelled;
}
