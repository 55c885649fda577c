namespace Capacity;

/// <summary>
/// How long jobs wait for a session. Exact for exponential service times and one common line (M/M/c). For others the mean follows Allen and Cunneen, and the tail is taken to be
/// exponential with that mean: exact for one session (Pollaczek and Khinchine's mean), within some percent for many, best near full load. Lanes, retries that come in bursts and priorities are
/// not in it: the simulation has them.
/// </summary>
/// <param name="Sessions">How many jobs can run at once.</param>
/// <param name="Load">In Erlang.</param>
/// <param name="ProbabilityOfWait">The share of jobs that wait at all.</param>
/// <param name="MeanOfWaiting">Of those that wait, in seconds; infinite when there are not enough sessions.</param>
public sealed record WaitEstimate(int Sessions, double Load, double ProbabilityOfWait, double MeanOfWaiting)
{
    /// <summary>The share of the sessions' time that is used; more than 1 cannot be done.</summary>
    public double Utilisation => Load / Sessions;

    /// <summary>The backlog ends by itself; otherwise it grows for ever.</summary>
    public bool IsStable => Load < Sessions;

    /// <summary>Of all jobs, in seconds.</summary>
    public double Mean => ProbabilityOfWait == 0 ? 0 : ProbabilityOfWait * MeanOfWaiting;

    /// <summary>The share of jobs that wait for longer.</summary>
    public double Exceeding(TimeSpan wait) => IsStable ? ProbabilityOfWait * Math.Exp(-wait.TotalSeconds / MeanOfWaiting) : 1;

    /// <summary>This share of jobs waits at most so many seconds.</summary>
    public double Percentile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(share, 1);
        if (!IsStable)
            return double.PositiveInfinity;
        return ProbabilityOfWait <= 1 - share ? 0 : MeanOfWaiting * Math.Log(ProbabilityOfWait / (1 - share));
    }

    public static WaitEstimate For(Demand demand, int sessions) => Of(demand, sessions, ErlangC.ProbabilityOfWait(sessions, demand.Load));

    internal static WaitEstimate Of(Demand demand, int sessions, double probabilityOfWait)
    {
        var free = (sessions - demand.Load) / demand.Service.Mean;
        return new WaitEstimate(sessions, demand.Load, probabilityOfWait, free > 0 ? (1 + demand.Service.SquaredVariation) / 2 / free : double.PositiveInfinity);
    }
}
