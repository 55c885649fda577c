using Simulation.World;

namespace Simulation.Model;

/// <summary>A job as its client knows it: what was asked for, and what was answered.</summary>
internal sealed class JobCase(int number, string type, string tenant, Work work)
{
    public int Number => number;

    public string Type => type;

    public string Tenant => tenant;

    public Work Work => work;

    /// <summary>When it is a workflow.</summary>
    public Flow? Flow { get; init; }

    public string? IdempotencyKey { get; init; }

    /// <summary>The strict key, and the place in it: this one may start when all before it have ended.</summary>
    public (string Key, int Place)? Order { get; init; }

    public TimeSpan? Delay { get; init; }

    public TimeSpan? ExpiresIn { get; init; }

    /// <summary>The unique key, what a submission does that finds it taken, and how long it stays taken.</summary>
    public (string Key, string Mode, TimeSpan For)? Unique { get; init; }

    /// <summary>What operators have sent as its payload since, whether they were answered or not.</summary>
    public List<Work> Mended { get; } = [];

    /// <summary>The payload of a run, where an operator was told that theirs began it.</summary>
    public Dictionary<int, Work> PayloadOfRun { get; } = [];

    /// <summary>When it was first sent.</summary>
    public DateTimeOffset SentAt { get; set; }

    /// <summary>The ids that came with a 202 or a replayed 202: more than one is a broken promise when there was a key.</summary>
    public HashSet<string> Ids { get; } = new(StringComparer.Ordinal);

    /// <summary>Its instance was asked to stop while it ran: one that starts at most once ends as a dead letter.</summary>
    public bool IsCutOff { get; set; }

    public bool CancelAccepted { get; set; }

    /// <summary>The answer said that it is cancelled: from then on it must not start.</summary>
    public bool IsCancelled { get; set; }

    /// <summary>The answer said that it runs and is asked to stop.</summary>
    public DateTimeOffset? CancelAskedAt { get; set; }

    public override string ToString() => $"job {number} ({type}{(Unique is { } unique ? $", unique {unique.Key} {unique.Mode}" : "")}{(Order is { } order ? $", key {order.Key} place {order.Place}" : "")}, {string.Join(' ', Ids)})";
}
