namespace Weir.Batches;

/// <summary>Waits until a batch is over, for a client that would otherwise ask again and again.</summary>
internal sealed class BatchWatch(BatchTable table, TimeProvider clock)
{
    /// <summary>The load balancer cuts an answer off after 230 s, most clients and proxies after 30 to 60.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>The batch once it is over, or as it stands when <paramref name="wait"/> is over; null when there is none that the caller sees.</summary>
    public async Task<BatchStanding?> UntilCompleteAsync(string batchId, TimeSpan wait, Func<string, bool> sees, CancellationToken cancellation)
    {
        var until = clock.GetUtcNow() + wait;
        var pause = FirstPause;
        while (await table.ReadAsync(batchId, cancellation) is { } standing)
        {
            if (!sees(standing.Batch.Tenant))
                return null;
            var left = until - clock.GetUtcNow();
            if (standing.IsOver || left <= TimeSpan.Zero)
                return standing;

            await Task.Delay(pause < left ? pause : left, clock, cancellation);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
        return null;
    }
}
