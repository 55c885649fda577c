namespace Weir.Limits;

/// <summary>
/// A row of the table Limits from which instances reserve what lies ahead of it, each stretch by one of them. What was last seen of it is remembered: it only moves on, so what is
/// taken already needs no look, and while no other instance reserves, a stretch is one operation.
/// </summary>
internal sealed class ReservedRow(string key, LimitTable table, TimeProvider clock)
{
    /// <summary>Of instances that meet at a row, in each round one gets on.</summary>
    private const int MaxTries = 20;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private Reserved? seen;

    /// <summary>Everything before this is taken, as far as is known here.</summary>
    public DateTimeOffset Next => Volatile.Read(ref seen)?.Next ?? DateTimeOffset.MinValue;

    /// <summary>Reserves so many places, an interval apart.</summary>
    /// <param name="back">The first lies not further back than this.</param>
    /// <param name="mustHaveBegun">And not ahead.</param>
    /// <param name="interval">From one to the next.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The first; null when it would lie ahead, and must not.</returns>
    /// <exception cref="TimeoutException">The table does not answer, or too many instances want it at once.</exception>
    public async Task<DateTimeOffset?> ReserveAsync(TimeSpan back, bool mustHaveBegun, TimeSpan interval, int count, CancellationToken cancellation)
    {
        using var overdue = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        try
        {
            for (var tries = 1; tries <= MaxTries; tries++)
            {
                var before = Volatile.Read(ref seen) ?? await table.FindReservedAsync(key, either.Token);
                Volatile.Write(ref seen, before);
                var now = clock.GetUtcNow();
                var first = before?.Next > now - back ? before.Next : now - back;
                if (mustHaveBegun && first > now)
                    return null;
                Volatile.Write(ref seen, await table.ReserveAsync(key, before, first + interval * count, either.Token));
                if (seen is not null)
                    return first;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"The row of the limit {key} did not answer within {Limit.TotalSeconds:0} s.");
        }
        throw new TimeoutException($"The row of the limit {key} changed {MaxTries} times while a part of it was to be reserved.");
    }
}
