namespace Contract.Tests;

/// <summary>Time that passes only when told to. Timers fire on the thread that advances it, in the order in which they are due.</summary>
internal sealed class ManualClock : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<ManualTimer> timers = [];
    private DateTimeOffset now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long armed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>When the next timer fires; null without one.</summary>
    public DateTimeOffset? NextDue
    {
        get
        {
            lock (gate)
                return Next()?.Due;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
            return now;
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan span)
    {
        var end = GetUtcNow() + span;
        while (true)
        {
            ManualTimer? next;
            lock (gate)
            {
                next = Next();
                if (next is null || next.Due > end)
                {
                    now = end;
                    return;
                }
                now = next.Due > now ? next.Due : now;
                if (next.Period > TimeSpan.Zero)
                    next.Arm(now + next.Period, ++armed);
                else
                    timers.Remove(next);
            }
            next.Fire();
        }
    }

    /// <summary>As if the machine had slept: what was due meanwhile fires once. For days, of which <see cref="Advance"/> would go through each second.</summary>
    public void Jump(TimeSpan span)
    {
        lock (gate)
        {
            now += span;
            foreach (var late in timers.Where(timer => timer.Due < now))
                late.Arm(now, late.Order);
        }
        Advance(TimeSpan.Zero);
    }

    private ManualTimer? Next() => timers.Count == 0 ? null : timers.MinBy(timer => (timer.Due, timer.Order));

    private sealed class ManualTimer(ManualClock clock, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; private set; }

        public TimeSpan Period { get; private set; }

        public long Order { get; private set; }

        public void Arm(DateTimeOffset due, long order) => (Due, Order) = (due, order);

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate)
            {
                clock.timers.Remove(this);
                Period = period;
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                Arm(clock.now + dueTime, ++clock.armed);
                clock.timers.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock.gate)
                clock.timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
