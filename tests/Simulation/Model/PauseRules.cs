using Simulation.World;

namespace Simulation.Model;

/// <summary>What is paused does not start: on no instance, from five seconds after whoever paused it was told so.</summary>
internal static class PauseRules
{
    private static readonly TimeSpan Effective = TimeSpan.FromSeconds(5);

    public static void CheckStart(WorldState world, SeenJob job, HandlerRun run)
    {
        if (world.Observer.Pauses.Find(pause => pause.Stops(job, run.Instance) && pause.From + Effective <= world.Now && !pause.MayHaveEnded(world.Now + world.Plan.MaxSkew)) is { } broken)
            world.Observer.Break("pause", $"{job} starts at {run.Instance}, and {broken} since {world.Now - broken.From}", job.Id);
    }
}

/// <summary>A pause of a type, a tenant or a queue, or a drain of an instance.</summary>
/// <param name="Kind">As in the route.</param>
/// <param name="From">When it was answered.</param>
/// <param name="Until">When it was said to end by itself.</param>
internal sealed record PauseCase(string Kind, string Name, DateTimeOffset From, DateTimeOffset? Until)
{
    /// <summary>When somebody first asked for its end.</summary>
    public DateTimeOffset? EndAskedAt { get; set; }

    public bool Stops(SeenJob job, string instance) => Kind switch
    {
        "type" => job.Type == Name,
        "tenant" => job.Tenant == Name,
        "queue" => job.Queue.Equals(Name, StringComparison.OrdinalIgnoreCase),
        _ => instance == Name,
    };

    public bool MayHaveEnded(DateTimeOffset latest) => EndAskedAt is not null || Until <= latest;

    public override string ToString() => $"{Kind} '{Name}' was paused";
}
