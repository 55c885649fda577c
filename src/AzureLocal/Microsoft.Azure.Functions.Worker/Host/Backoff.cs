namespace AzureLocal.Functions;

/// <summary>How long to leave alone what keeps failing: a tenth of a second, doubled each time up to half a minute, less up to a half by chance.</summary>
internal sealed class Backoff(TimeProvider clock, Random random)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private int failures;

    public void Reset() => failures = 0;

    public TimeSpan Next()
    {
        var ceiling = Math.Min(First.Ticks << Math.Min(failures++, 20), Longest.Ticks);
        lock (random)
            return TimeSpan.FromTicks((long)(ceiling * (0.5 + random.NextDouble() / 2)));
    }

    /// <summary>Waits, or returns early when the host stops.</summary>
    public async Task WaitAsync(TimeSpan delay, CancellationToken stopping)
    {
        try
        {
            await Task.Delay(delay, clock, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The caller's loop looks at the token.
        }
    }
}
