using Microsoft.Extensions.Logging;

namespace Weir.Shards;

/// <summary>
/// Which shard a tenant has. It is chosen once, at the tenant's first submission, and pinned by a conditional insert: of two fronts that take the first two submissions
/// one writes, and the other reads what it wrote. After that nothing moves the tenant, whatever shards come, go or close.
/// </summary>
internal sealed partial class ShardAssignment(ShardMap shards, ShardTable table, ILogger<ShardAssignment> logger, int remembered = ShardAssignment.Remembered)
{
    /// <summary>Some 2 MB. What is forgotten costs one table operation to know again.</summary>
    public const int Remembered = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, string> known = new(StringComparer.Ordinal);
    private readonly Queue<string> inOrder = new();

    /// <summary>How many tenants it has in memory.</summary>
    public int Known
    {
        get
        {
            lock (gate)
                return known.Count;
        }
    }

    /// <summary>The tenant's shard, for good from now on.</summary>
    /// <exception cref="ShardMissingException">It is pinned to a shard that is not in the settings.</exception>
    public async Task<Shard> AssignAsync(string tenant, CancellationToken cancellation)
    {
        if (await FindAsync(tenant, cancellation) is { } pinned)
            return pinned;
        var chosen = shards.Choose(tenant);
        if (await table.TryAddAsync(tenant, chosen.Name, cancellation))
        {
            LogAssigned(tenant, chosen.Name);
            return Remember(tenant, chosen.Name);
        }
        return await FindAsync(tenant, cancellation) ?? throw new InvalidDataException($"The table Shards has a row of the tenant '{tenant}' that names no shard.");
    }

    /// <summary>
    /// Where to look for what the tenant has. One that has no shard has nothing: it is sent to the one that it would be given, which answers as it
    /// answers for anything that there is not, and nothing is written.
    /// </summary>
    /// <exception cref="ShardMissingException">It is pinned to a shard that is not in the settings.</exception>
    public async Task<Shard> LookAsync(string tenant, CancellationToken cancellation) => await FindAsync(tenant, cancellation) ?? shards.Choose(tenant);

    private async Task<Shard?> FindAsync(string tenant, CancellationToken cancellation)
    {
        string? name;
        lock (gate)
            known.TryGetValue(tenant, out name);
        if (name is not null)
            return Named(tenant, name);
        return await table.FindAsync(tenant, cancellation) is { } stored ? Remember(tenant, stored) : null;
    }

    private Shard Remember(string tenant, string name)
    {
        var shard = Named(tenant, name);
        lock (gate)
        {
            if (!known.TryAdd(tenant, name))
                return shard;
            inOrder.Enqueue(tenant);
            if (known.Count > remembered)
                known.Remove(inOrder.Dequeue());
        }
        return shard;
    }

    private Shard Named(string tenant, string name) => shards.Find(name) ?? throw new ShardMissingException(tenant, name);

    [LoggerMessage(3900, LogLevel.Information, "The tenant {Tenant} is pinned to the shard {Shard}")]
    private partial void LogAssigned(string tenant, string shard);
}

/// <summary>A tenant is pinned to a shard that this front is not told of: its data is there, so no other may answer for it.</summary>
internal sealed class ShardMissingException(string tenant, string shard) : InvalidOperationException($"The tenant '{tenant}' is pinned to the shard '{shard}', which {ShardMap.Section} does not list.")
{
    public string Shard => shard;
}
