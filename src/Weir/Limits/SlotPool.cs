namespace Weir.Limits;

/// <summary>
/// This instance's slots of one limit. They are reserved when jobs want to start, in a block for all that want to at that moment and for the next twentieth of a
/// second; what nobody uses lapses, and that is all an instance can waste.
/// </summary>
internal sealed class SlotPool(RateLimit limit, LimitTable table, TimeProvider clock)
{
    private const int LargestBlock = 1_000;

    /// <summary>Short, so that slots do not lie with one instance while another has the jobs; at 20 a second it is one slot, at 2,000 it is a hundred.</summary>
    private static readonly TimeSpan BlockTime = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim reserving = new(1);
    private readonly PriorityQueue<DateTimeOffset, DateTimeOffset> slots = new();
    private readonly ReservedRow row = new(limit.Key, table, clock);
    private int waiting;

    /// <summary>No slot opens before this, as far as is known here.</summary>
    public DateTimeOffset NextOpens => row.Next;

    /// <summary>Takes a slot that is open now, and for long enough for a claim; null when there is none.</summary>
    public async ValueTask<DateTimeOffset?> TryTakeAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref waiting);
        try
        {
            if (TryTakeOwn() is { } own)
                return own;
            await reserving.WaitAsync(cancellation);
            try
            {
                return TryTakeOwn() ?? await ReserveAsync(cancellation);
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

    /// <summary>It was not started in, so another job may.</summary>
    public void Return(DateTimeOffset slot)
    {
        lock (gate)
        {
            if (slots.Count < LargestBlock)
                slots.Enqueue(slot, slot);
        }
    }

    private DateTimeOffset? TryTakeOwn()
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            while (slots.TryPeek(out var slot, out _) && slot <= now)
            {
                slots.Dequeue();
                if (now <= slot + limit.Window - limit.ClaimMargin)
                    return slot;
            }
            return null;
        }
    }

    private async Task<DateTimeOffset?> ReserveAsync(CancellationToken cancellation)
    {
        var count = Math.Clamp(Math.Max(Volatile.Read(ref waiting), (int)(BlockTime / limit.Interval)), 1, LargestBlock);
        // What nobody has reserved and is open still may be given out: that is the burst.
        if (await row.ReserveAsync(limit.Window - limit.ClaimMargin, mustHaveBegun: true, limit.Interval, count, cancellation) is not { } first)
            return null;
        for (var index = 1; index < count; index++)
            Return(first + limit.Interval * index);
        return first;
    }
}
