namespace Simulation.Faults;

/// <summary>
/// What goes wrong in a world, and how often: drawn once from the seed. Each kind of fault is on or off by the toss of a coin and has a rate of its own, so
/// that some worlds have only one kind, much of it (swarm testing: a mix of everything hides what one kind alone would show).
/// </summary>
internal sealed record FaultPlan
{
    public static FaultPlan None { get; } = new();

    /// <summary>For each call to this dependency.</summary>
    public CallFaults Tables { get; init; } = CallFaults.None;

    public CallFaults Bus { get; init; } = CallFaults.None;

    public CallFaults Downstream { get; init; } = CallFaults.None;

    /// <summary>Between a client and an instance.</summary>
    public CallFaults Http { get; init; } = CallFaults.None;

    /// <summary>The mean time between two of them in the whole world; null: never.</summary>
    public TimeSpan? KillEvery { get; init; }

    public TimeSpan? StopEvery { get; init; }

    public TimeSpan? FreezeEvery { get; init; }

    public TimeSpan? LoseLockEvery { get; init; }

    /// <summary>One instance cannot reach one dependency for a while.</summary>
    public TimeSpan? PartitionEvery { get; init; }

    /// <summary>A dependency refuses everybody for a while: throttled, full, away.</summary>
    public TimeSpan? OutageEvery { get; init; }

    public TimeSpan? StepClockEvery { get; init; }

    /// <summary>How far the clocks of two instances may lie apart.</summary>
    public TimeSpan MaxSkew { get; init; }

    /// <summary>Whether anything at all can go wrong.</summary>
    public bool IsCalm => this == None;

    /// <summary>Whether an attempt may be cut off through no fault of its own.</summary>
    public bool CutsAttemptsOff => !IsCalm;

    public static FaultPlan Draw(Random chance, Profile profile)
    {
        if (profile == Profile.Mixed)
            profile = chance.Next(20) switch { < 2 => Profile.Calm, < 12 => Profile.Light, < 18 => Profile.Rough, _ => Profile.Storm };
        var strength = profile switch { Profile.Calm => 0, Profile.Light => 0.3, Profile.Rough => 1, _ => 3 };
        return strength == 0 ? None : new FaultPlan
        {
            Tables = CallFaults.Draw(chance, strength),
            Bus = CallFaults.Draw(chance, strength),
            Downstream = CallFaults.Draw(chance, strength * 2),
            Http = CallFaults.Draw(chance, strength * 2),
            KillEvery = Every(40),
            StopEvery = Every(80),
            FreezeEvery = Every(60),
            LoseLockEvery = Every(20),
            PartitionEvery = Every(60),
            OutageEvery = Every(90),
            StepClockEvery = Every(60),
            MaxSkew = chance.Next(2) == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(chance.Next(1, 900)),
        };

        TimeSpan? Every(double seconds) => chance.Next(2) == 0 ? null : TimeSpan.FromSeconds(seconds * (0.3 + chance.NextDouble()) / strength);
    }
}

/// <summary>Shares of all calls, 0 to 1.</summary>
internal sealed record CallFaults(double Refused, double Lost, double Repeated, double Slow, double Late)
{
    public static CallFaults None { get; } = new(0, 0, 0, 0, 0);

    public static CallFaults Draw(Random chance, double strength)
    {
        return new CallFaults(Share(), Share(), Share(), Share(), Share());

        double Share() => chance.Next(2) == 0 ? 0 : Math.Min(0.3, 0.03 * strength * chance.NextDouble());
    }

    public Fate Of(Random chance)
    {
        var drawn = chance.NextDouble();
        return drawn < Refused ? Fate.Refused
            : drawn < Refused + Lost ? Fate.Lost
            : drawn < Refused + Lost + Repeated ? Fate.Repeated
            : drawn < Refused + Lost + Repeated + Slow ? Fate.Slow
            : drawn < Refused + Lost + Repeated + Slow + Late ? Fate.Late
            : Fate.Done;
    }
}

/// <summary>What becomes of a call.</summary>
internal enum Fate
{
    Done,

    /// <summary>Not done, and said so.</summary>
    Refused,

    /// <summary>Done, and nobody says so.</summary>
    Lost,

    /// <summary>Done, its answer lost, and done again by the SDK's retry, whose answer is what the caller sees.</summary>
    Repeated,

    Slow,

    /// <summary>Done long after the caller has given it up, whether that still lives or not. Only of conditional writes; another call is slow.</summary>
    Late,
}

internal enum Profile { Mixed, Calm, Light, Rough, Storm }

internal enum Dependency { Tables, Bus, Downstream }
