namespace Weir.Limits;

/// <summary>
/// When jobs of one limit are sent for, so that about as many come as may start: a line that all instances reserve places in, in blocks. A place is no right to start. The
/// line is a quarter faster than the rate, because a slot that finds no job is lost, and a job that finds no slot only goes to the end of the line.
/// </summary>
internal sealed class Pace(RateLimit limit, LimitTable table, TimeProvider clock)
{
    private const double Faster = 1.25;
    private const int LargestBlock = 1_000;

    private static readonly TimeSpan Fast = TimeSpan.FromSeconds(1);

    private readonly TimeSpan interval = limit.Interval / Faster;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim reserving = new(1);
    private readonly Queue<DateTimeOffset> places = new();
    private readonly ReservedRow row = new(limit.PaceKey, table, clock);
    private int waiting;
    private int block = 1;
    private DateTimeOffset lastBlockAt;

    /// <summary>The next place in the line; one that has passed is now.</summary>
    /// <param name="ahead">How many more will be asked for right after it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async ValueTask<DateTimeOffset> TakeAsync(int ahead, CancellationToken cancellation)
    {
        Interlocked.Increment(ref waiting);
        try
        {
            if (Next() is { } own)
                return own;
            await reserving.WaitAsync(cancellation);
            try
            {
                return Next() ?? await ReserveAsync(ahead, cancellation);
            }
            finally
            {
                reserving.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private DateTimeOffset? Next()
    {
        lock (gate)
        {
            var earliest = clock.GetUtcNow() - limit.Window;
            while (places.TryDequeue(out var place))
            {
                if (place >= earliest)
                    return place;
            }
            return null;
        }
    }

    private async Task<DateTimeOffset> ReserveAsync(int ahead, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var secondsWorth = (int)Math.Clamp(TimeSpan.FromSeconds(1) / interval, 1, LargestBlock);
        block = now - lastBlockAt < Fast ? Math.Min(block * 2, secondsWorth) : Math.Max(1, block / 4);
        lastBlockAt = now;
        var count = Math.Min(LargestBlock, Math.Max(block, Math.Max(Volatile.Read(ref waiting), ahead + 1)));

        var first = await row.ReserveAsync(limit.Window, mustHaveBegun: false, interval, count, cancellation);
        lock (gate)
        {
            for (var index = 1; index < count; index++)
                places.Enqueue(first!.Value + interval * index);
        }
        return first!.Value;
    }
}
