namespace Weir.Breakers;

/// <summary>
/// Watches one dependency in this instance. Enough failures in a short time open it; while it is open nothing is tried; then trials are let through,
/// one at first and twice as many with each second of successes, so that a dependency that has just come back is not knocked over by the backlog.
/// </summary>
internal sealed class Breaker(string dependency, TimeProvider clock)
{
    /// <summary>A dependency that is down fails every call: five in ten seconds are no accident, and a busy one has them within a blink.</summary>
    private const int LeastFailures = 5;

    /// <summary>Below this share of failures it is the calls, not the dependency.</summary>
    private const double FailureShare = 0.5;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstBreak = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestBreak = TimeSpan.FromMinutes(1);

    /// <summary>A trial that nobody reports on (its job went to another owner) stops counting after this.</summary>
    private static readonly TimeSpan TrialLimit = TimeSpan.FromMinutes(1);

    /// <summary>So many trials at once are as good as closed: six seconds after the first success.</summary>
    private const int Recovered = 64;

    /// <summary>How long one number of trials must do. Doubled with each success, 300 jobs that waited would be let through within three calls.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private DateTimeOffset windowFrom;
    private int succeeded;
    private int failed;
    private TimeSpan breakTime = FirstBreak;
    private DateTimeOffset openUntil;
    private int trialsAllowed = Recovered;
    private int trialsUnderWay;
    private DateTimeOffset lastTrial;
    private DateTimeOffset? rampedAt;

    public string Dependency => dependency;

    public BreakerState State
    {
        get
        {
            lock (gate)
                return clock.GetUtcNow() < openUntil ? BreakerState.Open : trialsAllowed < Recovered ? BreakerState.HalfOpen : BreakerState.Closed;
        }
    }

    public DateTimeOffset OpenUntil
    {
        get
        {
            lock (gate)
                return openUntil;
        }
    }

    /// <summary>Whether a call may be made now. Each that may is to be followed by <see cref="Report"/>; null is yes, a time is when to ask again.</summary>
    public DateTimeOffset? TryEnter()
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            if (now < openUntil)
                return openUntil;
            if (trialsAllowed >= Recovered)
                return null;
            if (trialsUnderWay >= trialsAllowed && now < lastTrial + TrialLimit)
                return now + TimeSpan.FromSeconds(1);

            trialsUnderWay = Math.Min(trialsUnderWay, trialsAllowed - 1) + 1;
            lastTrial = now;
            return null;
        }
    }

    /// <summary>What a call came to. True when it has just opened the breaker.</summary>
    /// <param name="success">False for a failure that says something about the dependency; null when nothing was learnt.</param>
    public bool Report(bool? success)
    {
        lock (gate)
        {
            var now = clock.GetUtcNow();
            if (trialsAllowed < Recovered)
                return ReportTrial(success, now);
            if (success is not { } known)
                return false;
            if (now >= windowFrom + Window)
                (windowFrom, succeeded, failed) = (now, 0, 0);
            if (known)
                succeeded++;
            else
                failed++;
            return failed >= LeastFailures && failed >= FailureShare * (failed + succeeded) && Open(now);
        }
    }

    /// <summary>Another instance has opened its breaker of the same dependency.</summary>
    public void OpenUntilAtLeast(DateTimeOffset until)
    {
        lock (gate)
        {
            if (until <= openUntil)
                return;
            openUntil = until;
            (trialsAllowed, trialsUnderWay, rampedAt) = (1, 0, null);
        }
    }

    private bool ReportTrial(bool? success, DateTimeOffset now)
    {
        trialsUnderWay = Math.Max(0, trialsUnderWay - 1);
        if (now < openUntil || success is not { } known)
            return false;
        if (!known)
            return Open(now);

        if (now < (rampedAt ??= now) + Step)
            return false;
        (trialsAllowed, rampedAt) = (trialsAllowed * 2, now);
        if (trialsAllowed >= Recovered)
            (breakTime, windowFrom, succeeded, failed) = (FirstBreak, now, 0, 0);
        return false;
    }

    private bool Open(DateTimeOffset now)
    {
        openUntil = now + breakTime;
        breakTime = breakTime * 2 < LongestBreak ? breakTime * 2 : LongestBreak;
        (trialsAllowed, trialsUnderWay, succeeded, failed, rampedAt) = (1, 0, 0, 0, null);
        return true;
    }
}

internal enum BreakerState
{
    Closed,
    Open,

    /// <summary>Trials are let through.</summary>
    HalfOpen,
}
