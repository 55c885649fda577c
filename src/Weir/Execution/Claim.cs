using Azure;
using Weir.Lanes;
using Weir.Receipts;

namespace Weir.Execution;

/// <summary>
/// The right to run one attempt of a job: the receipt says that we own it, until the lease ends. Whoever changes the receipt takes
/// its ETag along, so a claim that somebody else has broken is noticed at our next write, and that write does nothing.
/// </summary>
internal sealed class Claim(ReceiptTable receipts, JobMessage message, Attempt attempt, ETag etag, TimeSpan lease, TimeProvider clock) : IDisposable
{
    private const int MaxTries = 4;

    private readonly CancellationTokenSource lost = new();
    private readonly SemaphoreSlim writing = new(1);
    private ETag etag = etag;

    public JobMessage Message => message;

    public Attempt Attempt => attempt;

    /// <summary>Fires when the job is no longer ours.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Renews the lease at each third of its time, until cancelled. A job shorter than that renews nothing.</summary>
    public async Task RenewAsync(CancellationToken cancellation)
    {
        var until = attempt.LeaseUntil;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(lease / 3, clock, cancellation);
                var next = clock.GetUtcNow() + lease; // counted from before the request: the store's word may come late
                if (await WriteAsync((current, token) => receipts.RenewLeaseAsync(message.JobId, current, next, token), static _ => false, cancellation) is null)
                {
                    await lost.CancelAsync();
                    return;
                }
                until = next;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception) when (clock.GetUtcNow() < until)
            {
                // The store is away; the lease we have still holds, and the next third is another chance.
            }
            catch (Exception)
            {
                await lost.CancelAsync();
                return;
            }
        }
    }

    /// <summary>Writes the attempt's outcome. Null: it is fenced, since the job has gone to another owner, and must be thrown away.</summary>
    /// <param name="write">One conditional write against the ETag that it is given.</param>
    /// <param name="state">The state that the write leads to, by which an earlier try is recognised whose answer was lost.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ETag?> RecordAsync(Func<ETag, CancellationToken, Task<ETag?>> write, JobState state, CancellationToken cancellation) =>
        WriteAsync(write, receipt => IsOurs(receipt) && receipt.State == state, cancellation);

    public void Dispose()
    {
        lost.Dispose();
        writing.Dispose();
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
                var now = await receipts.FindAsync(message.JobId, cancellation);
                if (now is null)
                    return null;
                etag = now.ETag;
                if (isDone(now))
                    return etag;
                if (!StillOurs(now))
                    return null;
            }
            throw new TimeoutException($"The receipt of job {message.JobId} changed {MaxTries} times while it was being written.");
        }
        finally
        {
            writing.Release();
        }
    }

    private bool StillOurs(Receipt receipt) => IsOurs(receipt) && receipt.State == JobState.Running;

    private bool IsOurs(Receipt receipt) => receipt.Owner == attempt.Owner && receipt.Attempt == attempt.Number;
}
