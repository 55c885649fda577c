namespace Capacity;

/// <summary>What is asked of the sessions.</summary>
/// <param name="ArrivalsPerSecond">New jobs.</param>
/// <param name="Service">How long each attempt holds a session.</param>
public sealed record Demand(double ArrivalsPerSecond, ServiceTimes Service)
{
    /// <summary>The share of attempts that fail and are tried again.</summary>
    public double FailureRate { get; init; }

    /// <summary>The most attempts of a job.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>Attempts of a job on average: 1 + f + f² + … as long as its policy allows.</summary>
    public double AttemptsOnAverage => FailureRate switch
    {
        <= 0 => 1,
        >= 1 => Attempts,
        var f => (1 - Math.Pow(f, Attempts)) / (1 - f),
    };

    /// <summary>In Erlang: how many sessions are busy on average.</summary>
    public double Load => ArrivalsPerSecond * AttemptsOnAverage * Service.Mean;
}
