namespace Weir.Receipts;

/// <summary>Waits for a job to end, for a client that would otherwise ask again and again.</summary>
internal sealed class JobWatch(ReceiptTable receipts, TimeProvider clock)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The job once it is final, or as it stands when <paramref name="wait"/> is over; null when there is none, or it belongs to a tenant
    /// that <paramref name="sees"/> does not: at once then, as if there were none. The receipt is read at growing intervals, at most 65 times in 30 s.
    /// </summary>
    public async Task<JobRecord?> UntilFinalAsync(string jobId, TimeSpan wait, Func<string, bool> sees, CancellationToken cancellation)
    {
        var until = clock.GetUtcNow() + wait;
        var pause = FirstPause;
        while (await receipts.ReadAsync(jobId, cancellation) is { } job)
        {
            if (!sees(job.Receipt.Tenant))
                return null;
            var left = until - clock.GetUtcNow();
            if (job.Receipt.State.IsFinal() || left <= TimeSpan.Zero)
                return job;

            await Task.Delay(pause < left ? pause : left, clock, cancellation);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
        return null;
    }
}
