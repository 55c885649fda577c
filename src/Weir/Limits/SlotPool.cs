namespace Weir.Limits;

/// <summary>
/// This instance's slots of one limit: reserved from the limit's row in blocks, given out one by one, the earliest first. A block is as large as those who wait for it
/// are many, and doubles while blocks are used up fast, up to a second's worth; what is not used lapses, so an instance wastes at most that.
/// </summary>
internal sealed class SlotPool(RateLimit limit, LimitTable table, TimeProvider clock)
{
    /// <summary>Instances that meet at a row: of so many, in each round one gets on.</summary>
    private const int MaxTries = 20;

    private const int LargestBlock = 1_000;

    /// <summary>Slots that were given back and not lapsed; beyond, they are forgotten, which is as safe.</summary>
    private const int MostKept = 2_000;

    private static readonly TimeSpan Fast = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReserveLimit = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim reserving = new(1);
    private readonly PriorityQueue<DateTimeOffset, DateTimeOffset> slots = new();
    private Reserved? reserved;
    private int waiting;
    private int block = 1;
    private DateTimeOffset lastBlockAt;

    private int SecondsWorth => (int)Math.Clamp(TimeSpan.FromSeconds(1) / limit.Interval, 1, LargestBlock);

    /// <summary>The earliest slot of ours whose window is open for at least <paramref name="margin"/> more.</summary>
    /// <param name="margin">See <see cref="RateLimit.DeliveryMargin"/> and <see cref="RateLimit.ClaimMargin"/>.</param>
    /// <param name="ahead">How many more will be asked for right after it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="TimeoutException">Too many instances wanted one at once.</exception>
    public async ValueTask<DateTimeOffset> TakeAsync(TimeSpan margin, int ahead, CancellationToken cancellation)
    {
        if (Next(margin) is { } kept)
            return kept;
        Interlocked.Increment(ref waiting);
        try
        {
            await reserving.WaitAsync(cancellation);
            try
            {
                return Next(margin) ?? await ReserveAsync(margin, ahead, cancellation);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new TimeoutException($"The row of the limit {limit.Key} did not answer within {ReserveLimit.TotalSeconds:0} s.");
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

    /// <summary>A slot that was not used after all is another job's.</summary>
    public void Return(DateTimeOffset slot)
    {
        lock (gate)
        {
            if (slots.Count < MostKept)
                slots.Enqueue(slot, slot);
        }
    }

    private DateTimeOffset? Next(TimeSpan margin)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            while (slots.TryPeek(out var slot, out _))
            {
                if (slot + limit.Window - margin >= now)
                    return slots.Dequeue();
                slots.Dequeue(); // lapsed, or as good as
            }
            return null;
        }
    }

    private async Task<DateTimeOffset> ReserveAsync(TimeSpan margin, int ahead, CancellationToken cancellation)
    {
        using var overdue = new CancellationTokenSource(ReserveLimit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            // Known from our own last write: while no other instance reserves, a block is one operation.
            var before = Volatile.Read(ref reserved) ?? await table.FindReservedAsync(limit.Key, either.Token);
            var now = clock.GetUtcNow();
            // What nobody reserved and is open still may be given out: that is the burst.
            var earliest = now - limit.Window + (margin > limit.DeliveryMargin ? margin : limit.DeliveryMargin);
            var first = before?.Next > earliest ? before.Next : earliest;
            var count = Count(now, ahead);

            Volatile.Write(ref reserved, await table.ReserveAsync(limit.Key, before, first + limit.Interval * count, either.Token));
            if (reserved is null)
                continue;
            Keep(first, count, now);
            return first;
        }
        throw new TimeoutException($"The row of the limit {limit.Key} changed {MaxTries} times while slots were to be reserved.");
    }

    private int Count(DateTimeOffset now, int ahead)
    {
        block = now - lastBlockAt < Fast ? Math.Min(block * 2, SecondsWorth) : Math.Max(1, block / 4);
        return Math.Min(LargestBlock, Math.Max(block, Math.Max(Volatile.Read(ref waiting), ahead + 1)));
    }

    private void Keep(DateTimeOffset first, int count, DateTimeOffset now)
    {
        lock (gate)
        {
            lastBlockAt = now;
            for (var index = 1; index < count; index++)
                slots.Enqueue(first + limit.Interval * index, first + limit.Interval * index);
        }
    }
}
