using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// One operation of the broker while it runs inside a transaction of the store: the database, one time for all of it, the entities that
/// it met (their counters are written once, before the commit), and whom to wake when it is durable.
/// </summary>
internal sealed class Transaction(Database database, long now, Func<long> nextLock, Func<long> nextCompleted)
{
    private readonly List<Entity> entities = new(1);
    private Dictionary<long, int>? wakes;

    public Database Database { get; } = database;

    public long Now { get; } = now;

    /// <summary>The earliest time at which the broker has to act because of this operation.</summary>
    public long Due { get; private set; } = long.MaxValue;

    /// <summary>It gives back a message that this process would not have: the receivers of other processes are to be asked before its own.</summary>
    public bool OthersFirst { get; set; }

    public bool HasEffects => wakes is not null || Due != long.MaxValue;

    /// <summary>Numbers a delivery or the holding of a session: never used twice in a process.</summary>
    public long NextLock() => nextLock();

    /// <summary>How many messages this process has completed, with one more.</summary>
    public long CountCompleted() => nextCompleted();

    /// <summary>Wakes that many of those who wait at a line (or, at <c>-box</c>, for any session of it).</summary>
    public void Wake(long line, int count = 1)
    {
        wakes ??= [];
        wakes[line] = wakes.TryGetValue(line, out var known) ? (int)Math.Min(int.MaxValue, (long)known + count) : count;
    }

    public void ActAt(long time) => Due = Math.Min(Due, time);

    /// <summary>What the operations of the store's transaction share.</summary>
    public EntityCache Group { get; } = database.State<EntityCache>();

    public Entity? Find(string path) => Known(Group.Find(Database, path));

    public Entity Get(long id) => entities.Find(entity => entity.Id == id) ?? Known(Group.Find(Database, id))
        ?? throw new InvalidDataException($"The store has a message of entity {id}, which does not exist.");

    public void Finish()
    {
        foreach (var entity in entities)
            Group.Keep(entity);
    }

    public void Apply(WaitLists waiters)
    {
        if (wakes is null)
            return;
        foreach (var (line, count) in wakes)
            waiters.Wake(line, count);
    }

    private Entity? Known(Entity? loaded)
    {
        if (loaded is null)
            return null;
        if (entities.Find(entity => entity.Id == loaded.Id) is { } known)
            return known;
        // A copy: an operation that fails must not have counted for those after it.
        var own = loaded.Copy();
        entities.Add(own);
        return own;
    }
}
