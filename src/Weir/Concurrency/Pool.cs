using Weir.Lanes;

namespace Weir.Concurrency;

/// <summary>So many at once, of a queue's jobs or of a type's, in this instance. Who finds no room is told when there will be some.</summary>
internal sealed class Pool(int most, bool adaptive, TimeProvider clock)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>Other instances may have room before: a job asks again at least this often.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Until the first has ended.</summary>
    private static readonly TimeSpan Guess = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly AdaptiveLimit? limit = adaptive ? new AdaptiveLimit(most) : null;
    private int running;
    private double? meanMs;
    private DateTimeOffset nextRoom;

    public int Most => most;

    public bool IsAdaptive => adaptive;

    public int Current
    {
        get
        {
            lock (gate)
                return limit?.Current ?? most;
        }
    }

    public int Running
    {
        get
        {
            lock (gate)
                return running;
        }
    }

    public bool TryEnter()
    {
        lock (gate)
        {
            if (running >= (limit?.Current ?? most))
                return false;
            running++;
            return true;
        }
    }

    /// <summary>
    /// When there will be room for one more that waits: each that asks is given the next place, as far apart as places become free, so that a thousand who wait cost a thousand
    /// put-offs and not a thousand each second.
    /// </summary>
    public DateTimeOffset NextRoom(string jobId)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var apart = TimeSpan.FromMilliseconds((meanMs ?? Guess.TotalMilliseconds) / (limit?.Current ?? most));
            nextRoom = (nextRoom > now ? nextRoom : now) + apart;
            if (nextRoom > now + Longest)
                nextRoom = now + Longest;
            var wait = (nextRoom - now) * (0.75 + 0.5 * Lane.Fraction(jobId));
            return now + (wait > Shortest ? wait : Shortest);
        }
    }

    /// <param name="startedAt">When it got its room.</param>
    /// <param name="succeeded">False for a failure that passes; null when nothing was learnt.</param>
    public void Report(DateTimeOffset startedAt, bool? succeeded)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            var took = Math.Max(0, (now - startedAt).TotalMilliseconds);
            meanMs = meanMs is { } before ? before + (took - before) * 0.1 : took;
            if (succeeded is { } known)
                limit?.Report(startedAt, now, known, running >= limit.Current);
        }
    }

    public void Leave()
    {
        lock (gate)
            running--;
    }
}
