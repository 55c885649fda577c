using System.Text.Json;

namespace Cli.Load;

/// <summary>What is sent, how fast, and what a refusal does.</summary>
/// <param name="PerSecond">Arrivals; they come whether or not those before were answered.</param>
/// <param name="Mix">Queues by weight; empty leaves each job to its type's queue.</param>
internal sealed record LoadPlan(double PerSecond, TimeSpan Duration, string Type, JsonElement Payload, IReadOnlyList<string?> Tenants, IReadOnlyList<(string Queue, double Weight)> Mix)
{
    /// <summary>At random (Poisson), as independent clients come; else evenly.</summary>
    public bool IsRandom { get; init; } = true;

    /// <summary>A refused client comes again after Retry-After; else the refusal is the end.</summary>
    public bool HonoursRetryAfter { get; init; }

    /// <summary>Requests that have no answer yet; an arrival beyond that is not sent, and counted.</summary>
    public int MostInFlight { get; init; } = 1_000;

    /// <summary>A client that was refused so often gives up.</summary>
    public int MostTries { get; init; } = 20;

    /// <summary>More clients than this do not wait for their Retry-After: they give up.</summary>
    public int MostWaiting { get; init; } = 100_000;
}
