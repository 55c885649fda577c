using Azure;
using Weir.Lanes;
using Weir.Receipts;

namespace Weir.Execution;

/// <summary>
/// The right to run one attempt of a job: the receipt says that we own it, until the lease ends. Whoever changes the receipt takes
/// its ETag along, so a claim that somebody else has broken is noticed at our next write, and that write does nothing.
/// </summary>
internal sealed class Claim : IDisposable
{
    private const int MaxTries = 4;

    /// <summary>Reports of progress are written at most this often; the last one always.</summary>
    private static readonly TimeSpan ReportPause = TimeSpan.FromSeconds(1);

    private readonly ReceiptTable receipts;
    private readonly TimeSpan lease;
    private readonly TimeProvider clock;
    private readonly CancellationTokenSource stop = new();
    private readonly SemaphoreSlim writing = new(1);
    private volatile bool isLost;
    private volatile bool isCancelRequested;
    private ETag etag;
    private Progress? unwritten;
    private DateTimeOffset reportedAt;
    private Task reporting = Task.CompletedTask;

    /// <param name="held">False for a job that runs at least once: nobody claimed it, its receipt is only written at the end.</param>
    public Claim(ReceiptTable receipts, JobMessage message, Attempt attempt, ETag etag, TimeSpan lease, TimeProvider clock, bool held = true)
    {
        (this.receipts, this.etag, this.lease, this.clock) = (receipts, etag, lease, clock);
        (Message, Attempt, IsHeld) = (message, attempt, held);
    }

    public JobMessage Message { get; }

    public Attempt Attempt { get; }

    public bool IsHeld { get; }

    /// <summary>An attempt of this number was handed back: it may have left checkpoints.</summary>
    public bool BeganBefore { get; init; }

    /// <summary>Fires when the job is no longer ours, and when somebody has asked for it to be cancelled.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Whether the job is no longer ours.</summary>
    public bool IsLost => isLost;

    /// <summary>Whether somebody has asked for the job to be cancelled.</summary>
    public bool IsCancelRequested => isCancelRequested;

    /// <summary>Renews the lease at each third of its time, until the answer is disposed of.</summary>
    /// <param name="ended">Fires before that.</param>
    public LeaseRenewal? KeepRenewed(CancellationToken ended) => IsHeld ? new LeaseRenewal(this, lease, clock, ended) : null;

    /// <summary>Renews the lease once, and writes what was reported since. False when the job is no longer ours.</summary>
    public async Task<bool> RenewAsync(DateTimeOffset until, CancellationToken ended)
    {
        var progress = unwritten;
        if (await WriteAsync((current, token) => receipts.RenewLeaseAsync(Message.JobId, current, until, progress, token), static _ => false, ended) is null)
        {
            await LoseAsync();
            return false;
        }
        reportedAt = clock.GetUtcNow();
        if (ReferenceEquals(unwritten, progress))
            unwritten = null;
        return true;
    }

    /// <summary>The job is another's by now, or must be taken for it.</summary>
    public Task LoseAsync()
    {
        isLost = true;
        return stop.CancelAsync();
    }

    /// <summary>Shows how far the job is: at once, or when a second has passed since the last time.</summary>
    public void Report(Progress progress, CancellationToken ended)
    {
        unwritten = progress;
        if (IsHeld && reporting.IsCompleted)
            reporting = WriteReportAsync(ended);
    }

    /// <summary>The last report, if it is not on the receipt yet.</summary>
    public Progress? UnwrittenProgress => unwritten;

    /// <summary>Somebody in this process knows that the job is to be cancelled: no need to wait for the next renewal.</summary>
    public void RequestCancel()
    {
        isCancelRequested = true;
        stop.Cancel();
    }

    /// <summary>Writes the attempt's outcome. Null: it is fenced, since the job has gone to another owner, and must be thrown away.</summary>
    /// <param name="write">One conditional write against the ETag that it is given.</param>
    /// <param name="state">The state that the write leads to, by which an earlier try is recognised whose answer was lost.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ETag?> RecordAsync(Func<ETag, CancellationToken, Task<ETag?>> write, JobState state, CancellationToken cancellation) =>
        WriteAsync(write, receipt => receipt.Owner == Attempt.Owner && receipt.Attempt == Attempt.Number && receipt.State == state, cancellation);

    public void Dispose()
    {
        stop.Dispose();
        writing.Dispose();
    }

    private async Task WriteReportAsync(CancellationToken ended)
    {
        try
        {
            var pause = reportedAt + ReportPause - clock.GetUtcNow();
            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, clock, ended);
            await RenewAsync(clock.GetUtcNow() + lease, ended);
        }
        catch (Exception)
        {
            // Progress is worth no attempt: the next report, the next renewal or the outcome carries it.
        }
    }

    private async Task<ETag?> WriteAsync(Func<ETag, CancellationToken, Task<ETag?>> write, Func<Receipt, bool> isDone, CancellationToken cancellation)
    {
        await writing.WaitAsync(cancellation);
        try
        {
            for (var tries = 1; tries <= MaxTries; tries++)
            {
                if (await write(etag, cancellation) is { } written)
                    return etag = written;

                // Somebody changed the receipt: a new owner, or only a request to cancel, or we ourselves in a try whose answer was lost.
                var now = await receipts.FindAsync(Message.JobId, cancellation);
                if (now is null)
                    return null;
                if (isDone(now))
                    return etag = now.ETag;
                if (!IsOurs(now))
                    return null;
                etag = now.ETag; // not before: by another owner's ETag the next write of ours would not be fenced
                if (now.CancelRequestedAt is null)
                    continue;
                isCancelRequested = true;
                await stop.CancelAsync();
            }
            throw new TimeoutException($"The receipt of job {Message.JobId} changed {MaxTries} times while it was being written.");
        }
        finally
        {
            writing.Release();
        }
    }

    private bool IsOurs(Receipt receipt) => IsHeld
        ? receipt.State == JobState.Running && receipt.Owner == Attempt.Owner && receipt.Attempt == Attempt.Number
        : !receipt.State.IsFinal() && receipt.Attempt < Attempt.Number && receipt.Replays == Message.Replays;
}

/// <summary>How far a job says it is.</summary>
/// <param name="Share">0 to 1.</param>
internal sealed record Progress(double Share, string? Message);
