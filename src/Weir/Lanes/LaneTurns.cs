using System.Collections.Concurrent;

namespace Weir.Lanes;

/// <summary>
/// How long this instance serves a lane while all its slots are taken: then it gives the lane's session back, so that lanes with no receiver get one though
/// others never run empty. The session goes to the end of the broker's line.
/// </summary>
internal sealed class LaneTurns(HostSlots slots, TimeProvider clock)
{
    /// <summary>
    /// A lane waits about this long for each time that all slots are taken. Shorter turns cost throughput: giving a session back and taking one are two broker
    /// operations, so a second of a lane of 15 jobs, 45 operations, costs 5 % more. While a slot is free nobody waits, and nothing is given back.
    /// </summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    /// <summary>How long the host keeps an idle session (host.json): a lane that brought nothing for longer has no slot any more.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    /// <summary>Lanes that ran empty are forgotten when this many are known; an instance serves some 200 at once.</summary>
    private const int ManyLanes = 1_024;

    private readonly ConcurrentDictionary<(Queue Queue, string Lane), Turn> turns = new();

    internal int Count => turns.Count;

    /// <summary>A message of the lane has come.</summary>
    public void Begin(Queue queue, string lane)
    {
        var now = clock.GetUtcNow();
        var since = turns.TryGetValue((queue, lane), out var turn) && turn.HasSlot(now) ? turn.Since ?? now : now;
        turns[(queue, lane)] = new Turn(since, now, Runs: true);
        if (turns.Count > ManyLanes)
            Forget(now);
    }

    /// <summary>The message is done with; true when the lane is to give way.</summary>
    public bool IsOver(Queue queue, string lane)
    {
        var now = clock.GetUtcNow();
        if (!turns.TryGetValue((queue, lane), out var turn))
            return false;
        var isLong = now - turn.Since >= Longest;
        if (isLong && turns.Count(one => one.Key.Queue == queue && one.Value.HasSlot(now)) >= slots.Count)
        {
            turns[(queue, lane)] = new Turn(Since: null, now, Runs: false);
            return true;
        }
        turns[(queue, lane)] = new Turn(isLong ? now : turn.Since, now, Runs: false);
        return false;
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var (lane, turn) in turns)
        {
            if (!turn.HasSlot(now))
                turns.TryRemove(lane, out _);
        }
    }

    /// <param name="Since">Null after the lane has given way: another one has its slot, though nothing may be known of that yet.</param>
    /// <param name="SeenAt">When its last message came or was done with.</param>
    /// <param name="Runs">A message is at hand.</param>
    private readonly record struct Turn(DateTimeOffset? Since, DateTimeOffset SeenAt, bool Runs)
    {
        public bool HasSlot(DateTimeOffset now) => Runs || now - SeenAt <= Idle;
    }
}
