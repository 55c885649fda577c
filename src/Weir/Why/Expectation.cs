using Weir.Pressure;
using Weir.Statistics;

namespace Weir.Why;

/// <summary>
/// When a job that waits for others may be expected to start, by what was measured lately and if nothing puts it off. Null where that does not say: how fast a queue drains is only seen while it has a
/// backlog, and how long a type runs when some of it have.
/// </summary>
internal sealed class Expectation(PressureBoard board, StatisticsReader statistics, TimeProvider clock)
{
    /// <summary>The mean of fewer is chance.</summary>
    private const int LeastRuns = 10;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    /// <summary>What is measured now says nothing of tomorrow.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>When the first of a lane may be taken: when as many have started as lie before it in its queue.</summary>
    public DateTimeOffset? OfSlot(Queue queue, int before)
    {
        if (!board.IsKnown || board.Reading.Of(queue).Drain.PerSecond is not { } rate || QueuePressure.WaitBehind(before, rate) is not { } wait || wait >= Longest)
            return null;
        return clock.GetUtcNow() + wait;
    }

    /// <summary>When those before it in its lane, one after the other, may have run.</summary>
    /// <param name="queue">Their queue.</param>
    /// <param name="ahead">They, the first one first.</param>
    /// <param name="runsSince">Since when the first one runs; null: it does not.</param>
    /// <param name="beforeFirst">How many lie before that one in the queue.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<DateTimeOffset?> BehindAsync(Queue queue, IReadOnlyList<QueuedMessage> ahead, DateTimeOffset? runsSince, int beforeFirst, CancellationToken cancellation)
    {
        if ((runsSince ?? OfSlot(queue, beforeFirst)) is not { } at)
            return null;
        var now = clock.GetUtcNow();
        try
        {
            var lately = await statistics.ReadAsync(Window, cancellation);
            foreach (var message in ahead)
            {
                var runs = lately.Of(new SeriesKey(message.Type, queue)).Run;
                if (runs.Count < LeastRuns)
                    return null;
                at += runs.Mean;
                if (at < now)
                    at = now; // it takes longer than usual, and may end at any moment
            }
            return at - now < Longest ? at : null;
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return null;
        }
    }
}
