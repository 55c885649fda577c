namespace Weir.Testing.Time;

/// <summary>The virtual time, as a place sees it: its timers fire there.</summary>
internal sealed class PlaceClock(VirtualTime time, Place place) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => time.Now;

    public override long GetTimestamp() => time.Now.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(time, place, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }
}

internal sealed class VirtualTimer(VirtualTime time, Place place, TimerCallback callback, object? state) : ITimer
{
    private static readonly SendOrPostCallback Call = static timer => ((VirtualTimer)timer!).Run();

    private readonly Lock gate = new();
    private int version;
    private TimeSpan period;
    private bool armed;

    public bool IsArmed(int version)
    {
        lock (gate)
            return armed && version == this.version && !place.IsDead;
    }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        lock (gate)
        {
            version++;
            this.period = period;
            armed = dueTime != Timeout.InfiniteTimeSpan;
            if (armed)
                time.Arm(this, version, dueTime);
            return true;
        }
    }

    public void Fire(int version)
    {
        lock (gate)
        {
            if (!armed || version != this.version)
                return;
            armed = period > TimeSpan.Zero;
            if (armed)
                time.Arm(this, version, period);
        }
        place.Post(Call, this);
    }

    public void Dispose()
    {
        lock (gate)
        {
            version++;
            armed = false;
        }
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void Run() => callback(state);
}
