namespace Simulation.World;

/// <summary>Who lives in a world beside its clients and its operator. Each is there or not by a toss, so that a world stays small and what one of them does is not hidden by all others.</summary>
internal sealed record Cast
{
    public static Cast None { get; } = new();

    /// <summary>How many put schedules.</summary>
    public int Planners { get; init; }

    public int Batchers { get; init; }

    /// <summary>How many want the same unique keys.</summary>
    public int Rivals { get; init; }

    public int BulkClients { get; init; }

    /// <summary>Replays by filter, cancels whatever there is.</summary>
    public bool Clearer { get; init; }

    /// <summary>Pauses what there is, drains instances, changes policies; and takes it all back.</summary>
    public bool Controller { get; init; }

    /// <summary>Replays in stages, stops and resumes.</summary>
    public bool Restorer { get; init; }

    /// <summary>Some jobs have a callback, and events are counted.</summary>
    public bool Listener { get; init; }

    /// <summary>A client whose jobs come in surges, under a rate of their type and one of their tenant, and a quota.</summary>
    public bool IsLimited { get; init; }

    /// <summary>The lists are compared with what is there.</summary>
    public bool Lists { get; init; }

    /// <summary>How many send more than can be done; in their world the thresholds of pressure are low.</summary>
    public int Surges { get; init; }

    /// <summary>Asks why jobs do not run.</summary>
    public bool Inquirer { get; init; }

    /// <summary>Jobs are kept for hours only, and so much time passes after the end.</summary>
    public TimeSpan? Afterlife { get; init; }

    public static Cast Draw(Random chance) => new()
    {
        Planners = chance.Next(5) == 0 ? 1 : 0,
        Batchers = chance.Next(5) == 0 ? 1 : 0,
        Rivals = chance.Next(5) == 0 ? 2 + chance.Next(2) : 0,
        BulkClients = chance.Next(6) == 0 ? 1 : 0,
        Clearer = chance.Next(5) == 0,
        Controller = chance.Next(4) == 0,
        Listener = chance.Next(4) == 0,
        Lists = chance.Next(3) == 0,
        Inquirer = chance.Next(6) == 0,
        IsLimited = chance.Next(5) == 0,
        // An hour of an idle world is some 100,000 steps: several times what a whole world takes otherwise.
        Afterlife = chance.Next(200) > 0 ? null : TimeSpan.FromHours(chance.Next(10) == 0 ? 26 : 4),
        Surges = chance.Next(10) == 0 ? 1 + chance.Next(2) : 0,
        Restorer = chance.Next(5) == 0,
    };
}
