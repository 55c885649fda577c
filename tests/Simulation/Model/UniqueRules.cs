using Simulation.World;

namespace Simulation.Model;

/// <summary>Unique keys. Of one key there is one job that counts, except where the mode says that a new one may run beside it (replaceScheduled).</summary>
internal static class UniqueRules
{
    public const string MayRunBeside = "replaceScheduled";

    /// <summary>A replay holds nothing: it runs whoever holds the key by then.</summary>
    public static void CheckStart(WorldState world, SeenJob job)
    {
        if (job is not { UniqueKey: { } key, Replays: 0 } || IsShared(world, key))
            return;
        if (Rivals(world, job).FirstOrDefault(other => other is { Replays: 0, Attempt: > 0, IsFinal: false, IsRemoved: false }) is { } rival)
            world.Observer.Break("unique", $"{job} starts while {rival} has begun, and both have the key {key}", job.Id, rival.Id);
    }

    /// <summary>The answer named a job in place of a new one: it must have held the key at some time between question and answer.</summary>
    public static void CheckHolder(WorldState world, JobCase asked, string id, DateTimeOffset sentAt)
    {
        var holder = world.Observer.Find(id);
        if (holder is null || holder.UniqueKey != asked.Unique?.Key || holder.Type != asked.Type || holder.Tenant != asked.Tenant)
            world.Observer.Break("unique", $"{asked} was told of {id}, which never had its key", id);
        else if (holder is { IsFinal: true, Replays: 0, EndedAt: { } endedAt } && endedAt + holder.UniqueFor < sentAt - world.Plan.MaxSkew)
            world.Observer.Break("unique", $"{asked} was told of {holder}, which had ended {sentAt - endedAt} before", id);
    }

    /// <summary>Nobody lost a place but to another, who is named.</summary>
    public static void Judge(WorldState world)
    {
        foreach (var job in world.Observer.Seen.Where(job => job is { UniqueKey: not null, State: "Cancelled", IsRemoved: false, CancelAsked: false }))
        {
            if (world.Observer.Cases.Find(known => known.Ids.Contains(job.Id)) is { CancelAccepted: false } && job.SupersededBy is null)
                world.Observer.Break("unique", $"{job} is cancelled, and nobody asked for it or took its place", job.Id);
            if (job.SupersededBy is { } by && !(world.Observer.Find(by) is { } other && other.UniqueKey == job.UniqueKey && other.Type == job.Type && other.Tenant == job.Tenant && other.Id != job.Id))
                world.Observer.Break("unique", $"{job} is superseded by {by}, which never had its key", job.Id, by);
        }
    }

    private static IEnumerable<SeenJob> Rivals(WorldState world, SeenJob job) =>
        world.Observer.Seen.Where(other => other.UniqueKey == job.UniqueKey && other.Type == job.Type && other.Tenant == job.Tenant && other.Id != job.Id);

    private static bool IsShared(WorldState world, string key) => world.Observer.Cases.Any(known => known.Unique is { Mode: MayRunBeside } unique && unique.Key == key);
}
