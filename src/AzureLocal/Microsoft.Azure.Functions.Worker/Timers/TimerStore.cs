using AzureLocal.Storage;
using Microsoft.Azure.Functions.Worker;

namespace AzureLocal.Functions;

/// <summary>
/// Who runs each timer, and its occurrences. One host of a data directory holds a timer's lease; a lease is free when its host
/// stops, when its process is dead, and when it has not been renewed in time.
/// </summary>
/// <param name="store">The data directory's store.</param>
/// <param name="owner">This host.</param>
/// <param name="isAlive">Whether another host still runs.</param>
internal sealed class TimerStore(Store store, string owner, Func<string, bool> isAlive)
{
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    private static int hosts;

    private const string Schema = """
        CREATE TABLE IF NOT EXISTS timers (
          name TEXT PRIMARY KEY,
          owner TEXT,
          leased_until INTEGER NOT NULL,
          last INTEGER, next INTEGER, updated INTEGER -- UTC ticks of the last recorded occurrence
        ) STRICT
        """;

    private Task? schema;

    /// <summary>The store as one host of this process uses it: several, in tests, are told apart by a number.</summary>
    public static TimerStore Of(Store store) => new(
        store,
        $"{store.Processes.Id}/{Interlocked.Increment(ref hosts)}",
        other => store.Processes.IsAlive(other.Split('/')[0]));

    /// <summary>Takes the lease if it is free, and reads what was recorded last, if anything was.</summary>
    public async Task<(bool Taken, ScheduleStatus? Status)> ClaimAsync(string name, DateTimeOffset now, CancellationToken cancellation)
    {
        // Again if it failed: the disk may have had no space for it.
        if (schema is null or { IsFaulted: true })
            schema = store.WriteAsync(static database => database.Script(Schema));
        await schema;
        // Asked here, since it looks at files; the writer must not wait for them.
        var holder = store.Read(database =>
        {
            using var rows = database.Query("SELECT owner FROM timers WHERE name = ?1", name);
            return rows.Read() ? rows.TextOrNull(0) : null;
        });
        var dead = holder is not null && holder != owner && !isAlive(holder) ? holder : null;
        return await store.WriteAsync(
            database => database.Execute(
                """
                INSERT INTO timers (name, owner, leased_until) VALUES (?1, ?2, ?3)
                ON CONFLICT (name) DO UPDATE SET owner = ?2, leased_until = ?3
                WHERE owner IS NULL OR owner = ?2 OR owner = ?5 OR leased_until <= ?4
                """,
                name, owner, (now + Lease).UtcTicks, now.UtcTicks, dead) > 0
                ? (true, ReadStatus(database, name))
                : (false, null),
            cancellation);
    }

    /// <summary>Holds the lease for another term; false when it is no longer ours.</summary>
    public Task<bool> RenewAsync(string name, DateTimeOffset now, CancellationToken cancellation) => store.WriteAsync(
        database => database.Execute("UPDATE timers SET leased_until = ?3 WHERE name = ?1 AND owner = ?2", name, owner, (now + Lease).UtcTicks) > 0,
        cancellation);

    public Task RecordAsync(string name, ScheduleStatus status) => store.WriteAsync(database => database.Execute(
        "UPDATE timers SET last = ?3, next = ?4, updated = ?5 WHERE name = ?1 AND owner = ?2",
        name, owner, status.Last.Ticks, status.Next.Ticks, status.LastUpdated.Ticks));

    public Task ReleaseAsync(string name) => store.WriteAsync(database =>
        database.Execute("UPDATE timers SET owner = NULL WHERE name = ?1 AND owner = ?2", name, owner));

    private static ScheduleStatus? ReadStatus(Database database, string name)
    {
        using var rows = database.Query("SELECT last, next, updated FROM timers WHERE name = ?1 AND next IS NOT NULL", name);
        return rows.Read() ? new ScheduleStatus { Last = Utc(rows.Int64(0)), Next = Utc(rows.Int64(1)), LastUpdated = Utc(rows.Int64(2)) } : null;

        static DateTime Utc(long ticks) => new(ticks, DateTimeKind.Utc);
    }
}
