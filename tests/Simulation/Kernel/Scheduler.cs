namespace Simulation.Kernel;

/// <summary>
/// The one thread, the clock and the dice of a world. Whatever can go on waits here: continuations at once, timers until their time. Which
/// of those that are ready goes on next is drawn from the seed; time passes only when nothing is ready.
/// </summary>
internal sealed class Scheduler(int seed)
{
    /// <summary>When every world begins: a Monday, some hours before a change of the month, so that keys by date change on the way.</summary>
    public static readonly DateTimeOffset Begin = new(2026, 8, 31, 22, 0, 0, TimeSpan.Zero);

    private readonly List<Continuation> ready = new(256);
    private readonly PriorityQueue<(VirtualTimer Timer, int Version), (long Due, long Order)> timers = new();
    private long order;

    /// <summary>Draws who is next, and nothing else: what else is drawn must not depend on how many steps there were.</summary>
    private readonly Random chance = new(seed);

    public DateTimeOffset Now { get; private set; } = Begin;

    public long Steps { get; private set; }

    public void Ready(Continuation work) => ready.Add(work);

    public void Arm(VirtualTimer timer, int version, DateTimeOffset due) => timers.Enqueue((timer, version), (due.UtcTicks, order++));

    /// <summary>Lets one thing go on. False when there is nothing, now or ever.</summary>
    public bool Step()
    {
        while (ready.Count == 0)
        {
            if (!timers.TryDequeue(out var next, out var when))
                return false;
            if (!next.Timer.IsArmed(next.Version))
                continue;
            if (when.Due > Now.UtcTicks)
                Now = new DateTimeOffset(when.Due, TimeSpan.Zero);
            next.Timer.Fire(next.Version);
        }
        Steps++;
        var index = chance.Next(ready.Count);
        var work = ready[index];
        ready[index] = ready[^1];
        ready.RemoveAt(ready.Count - 1);
        work.Process.Run(work);
        return true;
    }
}

/// <summary>Something that can go on, in the process to which it belongs.</summary>
internal readonly record struct Continuation(VirtualProcess Process, SendOrPostCallback Callback, object? State);
