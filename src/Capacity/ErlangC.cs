namespace Capacity;

/// <summary>
/// Erlang's second formula: the share of jobs that find every session taken, when jobs come at random (Poisson), wait in one line, and take exponential times.
/// </summary>
public static class ErlangC
{
    /// <summary>More sessions than anybody plans for; one count costs a step each.</summary>
    public const int MostSessions = 100_000;

    /// <param name="sessions">How many jobs can run at once.</param>
    /// <param name="load">Arrivals per second times the mean service time, in Erlang: how many sessions are busy on average.</param>
    /// <returns>The probability that a job waits: 1 when the load is not below the sessions, since then every job does, in the end.</returns>
    public static double ProbabilityOfWait(int sessions, double load)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sessions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sessions, MostSessions);
        ArgumentOutOfRangeException.ThrowIfNegative(load);
        return load >= sessions ? 1 : OfInverse(InverseOfB(sessions, load), sessions, load);
    }

    /// <summary>For the least number of sessions upwards from <paramref name="first"/>, one step each.</summary>
    internal static IEnumerable<(int Sessions, double ProbabilityOfWait)> From(int first, double load)
    {
        var inverse = InverseOfB(first, load);
        for (var sessions = first; sessions <= MostSessions; sessions++)
        {
            if (sessions > first)
                inverse = Next(inverse, sessions, load);
            yield return (sessions, load >= sessions ? 1 : OfInverse(inverse, sessions, load));
        }
    }

    /// <summary>
    /// 1/B of Erlang's first formula, by its recursion: sums of positive terms only, so nothing cancels, and no factorial or power that would overflow at 171 sessions. What does
    /// overflow is 1/B itself, when B is below 1e-308; C is 0 then, as it should be.
    /// </summary>
    private static double InverseOfB(int sessions, double load)
    {
        if (load == 0)
            return double.PositiveInfinity;
        var inverse = 1.0;
        for (var n = 1; n <= sessions; n++)
            inverse = Next(inverse, n, load);
        return inverse;
    }

    private static double Next(double inverse, int sessions, double load) => 1 + inverse * sessions / load;

    private static double OfInverse(double inverse, int sessions, double load) => sessions / ((sessions - load) * inverse + load);
}
