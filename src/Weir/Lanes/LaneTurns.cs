using System.Collections.Concurrent;

namespace Weir.Lanes;

/// <summary>
/// How long this instance serves a lane before it gives the lane's session back, so that lanes with no receiver get one though others never run empty. The
/// session goes to the end of the broker's line; with nobody else in it, it is back at once.
/// </summary>
internal sealed class LaneTurns(TimeProvider clock)
{
    /// <summary>
    /// What a lane waits for a slot is about this long for each time that all slots are taken. Shorter turns cost throughput: giving a session back and taking
    /// one are two broker operations, so 2 % of what a lane of 30 jobs a second does. A second cost nothing that could be measured.
    /// </summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    /// <summary>A lane that brought nothing for as long as the host keeps an idle session (host.json) was given back by the host.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    /// <summary>Lanes that ran empty are forgotten when this many are known; an instance serves about 200 at once.</summary>
    private const int ManyLanes = 1_024;

    private readonly ConcurrentDictionary<(Queue Queue, string Lane), Turn> turns = new();

    internal int Count => turns.Count;

    /// <summary>A message of the lane has come.</summary>
    public void Begin(Queue queue, string lane)
    {
        var now = clock.GetUtcNow();
        turns.AddOrUpdate((queue, lane), static (_, now) => new Turn(now, now), static (_, turn, now) => now - turn.SeenAt > Idle ? new Turn(now, now) : turn, now);
        if (turns.Count > ManyLanes)
            Forget(now);
    }

    /// <summary>The message is done with; true when the lane's turn is over.</summary>
    public bool IsOver(Queue queue, string lane)
    {
        var now = clock.GetUtcNow();
        if (!turns.TryGetValue((queue, lane), out var turn))
            return false;
        if (now - turn.Since >= Longest)
            return turns.TryRemove((queue, lane), out _);
        turns[(queue, lane)] = turn with { SeenAt = now };
        return false;
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var (lane, turn) in turns)
        {
            // A turn with a long job in it is forgotten too; it ends with that job then, by the next message's new turn at the latest.
            if (now - turn.SeenAt > Idle)
                turns.TryRemove(lane, out _);
        }
    }

    private readonly record struct Turn(DateTimeOffset Since, DateTimeOffset SeenAt);
}
