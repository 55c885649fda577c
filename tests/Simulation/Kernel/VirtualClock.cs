namespace Simulation.Kernel;

/// <summary>A process's clock: the world's time, perhaps wrong by some. Timers keep the world's pace, as a machine's do when its clock is set.</summary>
internal sealed class VirtualClock(VirtualProcess process) : TimeProvider
{
    /// <summary>How far it is ahead of the world.</summary>
    public TimeSpan Skew { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => process.Scheduler.Now + Skew;

    public override long GetTimestamp() => process.Scheduler.Now.UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(process, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }
}

internal sealed class VirtualTimer(VirtualProcess process, TimerCallback callback, object? state) : ITimer
{
    private static readonly SendOrPostCallback Call = static timer => ((VirtualTimer)timer!).Run();

    private int version;
    private TimeSpan period;
    private bool armed;

    public bool IsArmed(int version) => armed && version == this.version && !process.IsDead;

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        version++;
        this.period = period;
        armed = dueTime != Timeout.InfiniteTimeSpan;
        if (armed && !process.IsDead)
            process.Scheduler.Arm(this, version, process.Scheduler.Now + dueTime);
        return true;
    }

    public void Fire(int version)
    {
        armed = false;
        process.Post(Call, this);
        if (period > TimeSpan.Zero)
        {
            armed = true;
            process.Scheduler.Arm(this, version, process.Scheduler.Now + period);
        }
    }

    public void Dispose()
    {
        version++;
        armed = false;
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void Run() => callback(state);
}
