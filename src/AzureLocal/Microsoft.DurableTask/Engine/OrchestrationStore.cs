using System.Text.Json;
using AzureLocal.Storage;
using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// The instances of one task hub in SQLite. An instance has its history, which only grows, and an inbox of messages: its start,
/// results, events, and timers, which are messages that become visible later. What is in an inbox and visible makes the instance
/// ready; a turn takes it all.
/// </summary>
internal sealed partial class OrchestrationStore(Store store, string hub, TimeProvider clock) : IOrchestrationStore
{
    /// <summary>Messages taken by one turn; the rest makes the next.</summary>
    private const int MaxMessagesPerTurn = 1_000;

    private static readonly int FinalBits = Statuses.Bits(
        OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated);

    // ready_at: when the earliest message becomes visible, null without one. A lock carries the epoch in which it was taken.
    // The numbers in the conditions are those of OrchestrationRuntimeStatus: 0 Running, 5 Terminated, 6 Pending, 7 Suspended, and
    // 1, 3, 5 are final. Only a literal lets SQLite use a partial index.
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS durable_instances (
            execution INTEGER PRIMARY KEY AUTOINCREMENT, hub TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
            status INTEGER NOT NULL, input TEXT, output TEXT, custom_status TEXT, failure TEXT, tags TEXT,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, events INTEGER NOT NULL DEFAULT 0,
            parent INTEGER, parent_task INTEGER, parent_name TEXT, parent_id TEXT,
            ready_at INTEGER, locked_by TEXT, locked_until INTEGER, epoch INTEGER NOT NULL DEFAULT 0,
            UNIQUE (hub, id)) STRICT;
        CREATE INDEX IF NOT EXISTS durable_instances_ready ON durable_instances (hub, version, ready_at)
            WHERE locked_by IS NULL AND ready_at IS NOT NULL AND status <> 7;
        CREATE INDEX IF NOT EXISTS durable_instances_locked ON durable_instances (hub, locked_until) WHERE locked_by IS NOT NULL;
        CREATE INDEX IF NOT EXISTS durable_instances_children ON durable_instances (parent) WHERE parent IS NOT NULL;
        CREATE TABLE IF NOT EXISTS durable_history (
            execution INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, task INTEGER NOT NULL, name TEXT, payload TEXT,
            at INTEGER NOT NULL, PRIMARY KEY (execution, number)) STRICT;
        CREATE TABLE IF NOT EXISTS durable_inbox (
            sequence INTEGER PRIMARY KEY, execution INTEGER NOT NULL, kind INTEGER NOT NULL, task INTEGER NOT NULL, name TEXT, payload TEXT,
            visible_at INTEGER NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS durable_inbox_order ON durable_inbox (execution, visible_at, sequence);
        CREATE TABLE IF NOT EXISTS durable_activities (
            sequence INTEGER PRIMARY KEY, hub TEXT NOT NULL, version TEXT NOT NULL, execution INTEGER NOT NULL, task INTEGER NOT NULL,
            name TEXT NOT NULL, instance_id TEXT NOT NULL, input TEXT,
            locked_by TEXT, locked_until INTEGER, epoch INTEGER NOT NULL, UNIQUE (execution, task)) STRICT;
        CREATE INDEX IF NOT EXISTS durable_activities_ready ON durable_activities (hub, version, sequence) WHERE locked_by IS NULL;
        CREATE INDEX IF NOT EXISTS durable_activities_locked ON durable_activities (hub, locked_until) WHERE locked_by IS NOT NULL;
        """;

    private readonly StoreSignals signals = store.Part(static _ => new StoreSignals());
    private Task? schema;

    public bool IsShared => store.Directory is not null;

    private long Now => clock.GetUtcNow().UtcTicks;

    public long CommitVersion() => store.CommitVersion();

    public Task<StartResult> StartAsync(NewInstance instance, CancellationToken cancellation) =>
        WriteAsync((database, now) => Start(database, instance, null, now), cancellation);

    public Task RaiseEventAsync(string instanceId, string name, string? payload, CancellationToken cancellation) => WriteAsync(
        (database, now) => DeliverTo(database, instanceId, new(EventKind.EventRaised, HistoryEvent.NoTask, name, payload, now)),
        cancellation);

    public Task TerminateAsync(string instanceId, string? output, bool recursive, CancellationToken cancellation) => WriteAsync(
        (database, now) =>
        {
            if (Find(database, instanceId) is { } found)
                Terminate(database, found.Execution, output, recursive, now);
            return true;
        },
        cancellation);

    public Task SuspendAsync(string instanceId, CancellationToken cancellation) => WriteAsync(
        (database, now) => database.Execute(
            "UPDATE durable_instances SET status = 7, updated_at = ?3 WHERE hub = ?1 AND id = ?2 AND status IN (0, 6)",
            hub, instanceId, now),
        cancellation);

    public Task ResumeAsync(string instanceId, CancellationToken cancellation) => WriteAsync(
        (database, now) =>
        {
            WakeEngines(database);
            return database.Execute(
                "UPDATE durable_instances SET status = iif(events > 0, 0, 6), updated_at = ?3 WHERE hub = ?1 AND id = ?2 AND status = 7",
                hub, instanceId, now);
        },
        cancellation);

    public Task<InstanceRow?> GetAsync(string instanceId, bool withPayloads, CancellationToken cancellation) => ReadAsync(
        database =>
        {
            using var rows = database.Query(
                """
                SELECT id, name, status, created_at, updated_at, failure, tags,
                    iif(?3, input, NULL), iif(?3, output, NULL), iif(?3, custom_status, NULL)
                FROM durable_instances WHERE hub = ?1 AND id = ?2
                """,
                hub, instanceId, withPayloads);
            return rows.Read() ? ReadInstance(rows) : null;
        },
        cancellation);

    public Task<IReadOnlyList<InstanceRow>> QueryAsync(InstanceFilter filter, CancellationToken cancellation) => ReadAsync(
        IReadOnlyList<InstanceRow> (database) =>
        {
            var found = new List<InstanceRow>();
            using var rows = database.Query(
                """
                SELECT id, name, status, created_at, updated_at, failure, tags,
                    iif(?9, input, NULL), iif(?9, output, NULL), iif(?9, custom_status, NULL)
                FROM durable_instances
                WHERE hub = ?1 AND id > ?2 AND id >= ?3 AND id < ?4 AND created_at >= ?5 AND created_at <= ?6 AND (?7 >> status) & 1
                ORDER BY id LIMIT ?8
                """,
                hub, filter.AfterId, filter.Prefix, PrefixEnd(filter.Prefix), CreatedFrom(filter), CreatedTo(filter),
                filter.StatusBits, filter.Limit, filter.WithPayloads);
            while (rows.Read())
                found.Add(ReadInstance(rows));
            return found;
        },
        cancellation);

    public Task<OrchestrationRuntimeStatus?> PurgeAsync(string instanceId, CancellationToken cancellation) => WriteAsync(
        OrchestrationRuntimeStatus? (database, _) =>
        {
            if (Find(database, instanceId) is not { } found)
                return null;
            if (Statuses.IsFinal(found.Status))
                Remove(database, found.Execution);
            return found.Status;
        },
        cancellation);

    public Task<int> PurgeAsync(InstanceFilter filter, CancellationToken cancellation) => WriteAsync(
        (database, _) =>
        {
            var found = new List<long>();
            using (var rows = database.Query(
                """
                SELECT execution FROM durable_instances
                WHERE hub = ?1 AND created_at >= ?2 AND created_at <= ?3 AND (?4 >> status) & 1 LIMIT ?5
                """,
                hub, CreatedFrom(filter), CreatedTo(filter), filter.StatusBits & FinalBits, filter.Limit))
            {
                while (rows.Read())
                    found.Add(rows.Int64(0));
            }
            foreach (var execution in found)
                Remove(database, execution);
            return found.Count;
        },
        cancellation);

    private StartResult Start(Database database, NewInstance instance, Caller? caller, long now)
    {
        if (Find(database, instance.Id) is { } existing)
        {
            if ((instance.RefuseIn >> (int)existing.Status & 1) != 0)
                return new StartResult(existing.Status);
            if (!Statuses.IsFinal(existing.Status))
                Terminate(database, existing.Execution, null, recursive: false, now);
            Remove(database, existing.Execution);
        }
        var visibleAt = Math.Max(now, instance.StartAt?.UtcTicks ?? now);
        var tags = instance.Tags is { Count: > 0 } given
            ? JsonSerializer.Serialize(given, EngineJson.Default.IReadOnlyDictionaryStringString)
            : null;
        database.Execute(
            """
            INSERT INTO durable_instances (
                hub, id, name, version, status, input, tags, created_at, updated_at, parent, parent_task, parent_name, parent_id, ready_at)
            VALUES (?1, ?2, ?3, ?4, 6, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12)
            """,
            hub, instance.Id, instance.Name, instance.Version, instance.Input, tags, now,
            caller?.Execution, caller?.TaskId, caller?.Name, caller?.InstanceId, visibleAt);
        var execution = database.LastInsertRowId;
        AddMessage(database, execution, new(EventKind.ExecutionStarted, HistoryEvent.NoTask, instance.Name, instance.Input, visibleAt));
        WakeEngines(database);
        return default;
    }

    private void Terminate(Database database, long execution, string? output, bool recursive, long now)
    {
        var left = new Stack<long>([execution]);
        while (left.TryPop(out var next))
        {
            var changed = database.Execute(
                """
                UPDATE durable_instances SET
                    status = 5, output = ?2, updated_at = ?3, ready_at = NULL, locked_by = NULL, locked_until = NULL
                WHERE execution = ?1 AND status NOT IN (1, 3, 5)
                """,
                next, output, now);
            if (changed == 0)
                continue;
            Finish(database, next, OrchestrationRuntimeStatus.Terminated, output, null, now);
            if (!recursive)
                return;
            using var children = database.Query("SELECT execution FROM durable_instances WHERE parent = ?1 AND parent IS NOT NULL", next);
            while (children.Read())
                left.Push(children.Int64(0));
        }
    }

    /// <summary>What the end of an instance means for others: its caller gets the result, whoever waits is woken.</summary>
    private void Finish(Database database, long execution, OrchestrationRuntimeStatus status, string? output, string? failure, long now)
    {
        database.Execute("DELETE FROM durable_inbox WHERE execution = ?1", execution);
        string id, name;
        long? parent;
        int task;
        using (var rows = database.Query("SELECT id, name, parent, parent_task FROM durable_instances WHERE execution = ?1", execution))
        {
            rows.Read();
            (id, name, parent, task) = (rows.Text(0), rows.Text(1), rows.Int64OrNull(2), rows.IsNull(2) ? 0 : rows.Int32(3));
        }
        WakeWaiters(database, id);
        if (parent is null)
            return;
        if (status == OrchestrationRuntimeStatus.Terminated)
            failure = Failure.ToJson(new("Terminated", $"The sub-orchestration '{id}' was terminated.", null, null, null));
        Deliver(database, parent.Value, status == OrchestrationRuntimeStatus.Completed
            ? new(EventKind.SubOrchestrationCompleted, task, name, output, now)
            : new(EventKind.SubOrchestrationFailed, task, name, failure, now));
    }

    private static void Remove(Database database, long execution)
    {
        database.Execute("DELETE FROM durable_instances WHERE execution = ?1", execution);
        database.Execute("DELETE FROM durable_activities WHERE execution = ?1", execution);
        ForgetHistory(database, execution);
    }

    private static void ForgetHistory(Database database, long execution)
    {
        database.Execute("DELETE FROM durable_history WHERE execution = ?1", execution);
        database.Execute("DELETE FROM durable_inbox WHERE execution = ?1", execution);
    }

    /// <summary>False when the instance is gone or finished: then nobody wants to know.</summary>
    private bool Deliver(Database database, long execution, HistoryEvent message)
    {
        var changed = database.Execute(
            "UPDATE durable_instances SET ready_at = min(ifnull(ready_at, ?2), ?2) WHERE execution = ?1 AND status NOT IN (1, 3, 5)",
            execution, message.AtTicks);
        if (changed == 0)
            return false;
        AddMessage(database, execution, message);
        WakeEngines(database);
        return true;
    }

    private bool DeliverTo(Database database, string instanceId, HistoryEvent message) =>
        Find(database, instanceId) is { } found && Deliver(database, found.Execution, message);

    private static void AddMessage(Database database, long execution, HistoryEvent message) => database.Execute(
        "INSERT INTO durable_inbox (execution, kind, task, name, payload, visible_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        execution, (int)message.Kind, message.TaskId, message.Name, message.Payload, message.AtTicks);

    private (long Execution, OrchestrationRuntimeStatus Status)? Find(Database database, string instanceId)
    {
        using var rows = database.Query("SELECT execution, status FROM durable_instances WHERE hub = ?1 AND id = ?2", hub, instanceId);
        return rows.Read() ? (rows.Int64(0), (OrchestrationRuntimeStatus)rows.Int32(1)) : null;
    }

    private static InstanceRow ReadInstance(Rows rows) => new(
        rows.Text(0),
        rows.Text(1),
        (OrchestrationRuntimeStatus)rows.Int32(2),
        new DateTimeOffset(rows.Int64(3), TimeSpan.Zero),
        new DateTimeOffset(rows.Int64(4), TimeSpan.Zero),
        FailureJson: rows.TextOrNull(5),
        TagsJson: rows.TextOrNull(6),
        Input: rows.TextOrNull(7),
        Output: rows.TextOrNull(8),
        CustomStatus: rows.TextOrNull(9));

    private async Task<T> WriteAsync<T>(Func<Database, long, T> work, CancellationToken cancellation)
    {
        await EnsureSchemaAsync();
        return await store.WriteAsync(database => work(database, Now), cancellation);
    }

    private async Task<T> ReadAsync<T>(Func<Database, T> work, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await EnsureSchemaAsync();
        return store.Read(work);
    }

    private Task EnsureSchemaAsync()
    {
        if (schema is null or { IsFaulted: true })
            schema = store.WriteAsync(static database => database.Script(Schema));
        return schema;
    }

    private void WakeEngines(Database database) => database.AfterCommit(() => signals.WakeEngines(hub));

    private void WakeWaiters(Database database, string instanceId) => database.AfterCommit(() => signals.WakeWaiters(hub, instanceId));

    private static long? Earlier(long? one, long? other) => one is null || other < one ? other ?? one : one;

    private static DateTimeOffset? AsTime(long? ticks) => ticks is { } known ? new DateTimeOffset(known, TimeSpan.Zero) : null;

    private static long CreatedFrom(InstanceFilter filter) => filter.CreatedFrom?.UtcTicks ?? 0;

    private static long CreatedTo(InstanceFilter filter) => filter.CreatedTo?.UtcTicks ?? long.MaxValue;

    // Ids are ASCII, so the highest code point is above whatever can follow a prefix.
    private static string PrefixEnd(string prefix) => prefix + "\U0010FFFF";

    /// <summary>Who called a sub-orchestration.</summary>
    private sealed record Caller(long Execution, int TaskId, string Name, string InstanceId);
}
