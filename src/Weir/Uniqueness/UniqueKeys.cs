using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Statistics;

namespace Weir.Uniqueness;

/// <summary>
/// Hands a unique key on when its holder ends. Everything here may be done twice, or by two at once: each row and receipt is written only
/// if it is as it was read, and a message that is sent twice is dropped by the broker or loses the claim.
/// </summary>
internal sealed class UniqueKeys(UniqueTable uniques, ReceiptTable receipts, JobQueues queues, KillPoints kill, JobStatistics statistics, TimeProvider clock)
{
    private const int MaxTries = 8;
    private const int SweepMost = 10_000;

    /// <summary>What follows the end of a unique job: the job that waits for its key goes on, or the key is free.</summary>
    public async Task ReleaseAsync(string jobId, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(jobId, cancellation) is not { Unique: { } unique } ended)
            return;

        var id = UniqueTable.IdOf(ended.Tenant, ended.Type, unique.Key);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await uniques.FindAsync(id, cancellation) is not { } row)
                return;
            if (row.Holder != jobId)
            {
                // Handed on already; perhaps we were cut off before the new holder's message was sent.
                if (await receipts.FindAsync(row.Holder, cancellation) is { State: JobState.Queued or JobState.Held } holder)
                    await SendAsync(holder, cancellation);
                return;
            }
            if (row.Waiting is not null)
            {
                if (await HandOnAsync(row, cancellation))
                    return;
                continue;
            }
            var freeAt = (ended.FinishedAt ?? clock.GetUtcNow()) + unique.For;
            if (unique.For == TimeSpan.Zero ? await uniques.RemoveAsync(row, cancellation) : await uniques.WriteAsync(row with { FreeAt = freeAt }, cancellation))
                return;
        }
        throw new TimeoutException($"The unique key of job {jobId} changed {MaxTries} times while it was released.");
    }

    /// <summary>Makes the waiting job the holder and sends it. False when it is not the holder now: look at the row again.</summary>
    public async Task<bool> HandOnAsync(UniqueRow row, CancellationToken cancellation)
    {
        var next = await receipts.FindAsync(row.Waiting!, cancellation);
        if (next is null || next.State.IsFinal())
        {
            await uniques.WriteAsync(row with { Waiting = null }, cancellation);
            return false;
        }
        if (!await uniques.WriteAsync(row with { Holder = next.Id, Waiting = null, FreeAt = null }, cancellation))
            return false;

        kill.Pass(KillPoints.AfterHandOn);
        await SendAsync(next, cancellation);
        return true;
    }

    /// <summary>
    /// Sends the first message of a job that has not begun: perhaps its submitter was cut off before doing so. Its payload lies beside
    /// the receipt, so anybody can.
    /// </summary>
    public async Task SendAsync(Receipt job, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (job is not { Attempt: 0, State: JobState.Scheduled or JobState.Queued or JobState.Held })
                return;
            var now = clock.GetUtcNow();
            var notBefore = job.NotBefore > now ? job.NotBefore : null;
            if (job.State != JobState.Held)
            {
                await queues.SendFirstAsync(job.Queue, job.ToMessage(default), notBefore, cancellation);
                return;
            }
            if (!job.WaitsForKey)
                return; // held behind a failed job of its ordering key, which is not ours to end

            await receipts.PlaceAsync(job.Id, job.ETag, notBefore is null ? JobState.Queued : JobState.Scheduled, cancellation);
            if (await receipts.FindAsync(job.Id, cancellation) is not { } placed)
                return;
            job = placed;
        }
        throw new TimeoutException($"The receipt of job {job.Id} changed {MaxTries} times while it was sent.");
    }

    /// <summary>
    /// Cancels jobs whose place others have taken, unless they have begun. One that a callback or an event is to follow gets a message at
    /// once: it finds its job final and does what follows; its own message may be weeks away, or never have been.
    /// </summary>
    public async Task CancelAsync(IEnumerable<string> superseded, string by, CancellationToken cancellation)
    {
        foreach (var id in superseded)
        {
            for (var tries = 1; tries <= MaxTries && await receipts.FindAsync(id, cancellation) is { Attempt: 0 } job && !job.State.IsFinal(); tries++)
            {
                var request = new CancelRequest("superseded", SupersededBy: by);
                if (await receipts.CancelAsync(id, job.ETag, clock.GetUtcNow(), request, lost: null, cancellation) is null)
                    continue;

                kill.Pass(KillPoints.AfterSuperseded);
                statistics.Count(JobEvent.Cancelled, job.Type, job.Queue, job.Tenant);
                if ((job.Follows & ~Follows.Unique) != Follows.Nothing)
                    await queues.SendAsync(job.Queue, job.ToMessage(default) with { PutOffs = 1 }, cancellation);
                break;
            }
        }
    }

    /// <summary>Removes the rows of keys that stayed taken after their holders' end, and are free now: up to 10,000 at a time.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellation)
    {
        var removed = 0;
        foreach (var row in await uniques.FindFreeAsync(clock.GetUtcNow(), SweepMost, cancellation))
            removed += await uniques.RemoveAsync(row, cancellation) ? 1 : 0;
        return removed;
    }
}
