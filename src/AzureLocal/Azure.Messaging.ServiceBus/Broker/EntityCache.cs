using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// The entities that a transaction of the store has met, as its operations have left them so far: a row is read once and its counters are written once,
/// however many operations share the transaction.
/// </summary>
internal sealed class EntityCache : TransactionState
{
    private readonly Dictionary<string, long> ids = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Entity> entities = [];
    private readonly HashSet<long> counted = [];
    private readonly Dictionary<long, long> nextOutdated = [];

    /// <summary>What was due is done in this transaction: those who share it need not look again.</summary>
    public bool IsDueDone { get; set; }

    /// <summary>Whether duplicate detection may remember a message of this entity longer than its window by now.</summary>
    public bool MayHaveOutdated(long entity, long now) => !nextOutdated.TryGetValue(entity, out var next) || next <= now;

    /// <summary>Somebody has looked. What is remembered later is outdated later.</summary>
    public void NothingOutdatedBefore(long entity, long next) => nextOutdated[entity] = next;

    public Entity? Find(Database database, string path)
    {
        if (ids.TryGetValue(path, out var id))
            return entities[id];
        if (Entity.Load(database, path) is not { } loaded)
            return null;
        ids.Add(path, loaded.Id);
        return entities.TryGetValue(loaded.Id, out var known) ? known : entities[loaded.Id] = loaded;
    }

    public Entity? Find(Database database, long id)
    {
        if (entities.TryGetValue(id, out var known))
            return known;
        return Entity.Load(database, id) is { } loaded ? entities[id] = loaded : null;
    }

    /// <summary>An operation has ended well: what it counted is what the next one begins with.</summary>
    public void Keep(Entity entity)
    {
        if (!entity.HasCounted)
            return;
        entities[entity.Id] = entity;
        counted.Add(entity.Id);
    }

    /// <summary>An entity's row is about to be changed or removed otherwise.</summary>
    public void Forget(Database database)
    {
        Flush(database);
        ids.Clear();
        entities.Clear();
        counted.Clear();
        nextOutdated.Clear();
    }

    public override void Flush(Database database)
    {
        foreach (var id in counted)
            entities[id].SaveCounters(database);
    }
}
