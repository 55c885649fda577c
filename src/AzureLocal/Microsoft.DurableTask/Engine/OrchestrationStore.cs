using System.Text.Json;
using AzureLocal.Storage;
using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// The instances of one task hub in SQLite. An instance has its history, which only grows, and an inbox of messages: its start,
/// results, events, and timers, which are messages that become visible later. What is in an inbox and visible makes the instance
/// ready; a turn takes it all.
/// </summary>
internal sealed class OrchestrationStore(Store store, string hub, TimeProvider clock) : IOrchestrationStore
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
            name TEXT NOT NULL, instance_id TEXT NOT NULL, input TEXT, locked_by TEXT, locked_until INTEGER, epoch INTEGER NOT NULL DEFAULT 0,
            UNIQUE (execution, task)) STRICT;
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
        (database, now) => DeliverTo(database, instanceId, new HistoryEvent(EventKind.EventRaised, HistoryEvent.NoTask, name, payload, now)),
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
            "UPDATE durable_instances SET status = 7, updated_at = ?3 WHERE hub = ?1 AND id = ?2 AND status IN (0, 6)", hub, instanceId, now),
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
                SELECT id, name, status, created_at, updated_at, iif(?3, input, NULL), iif(?3, output, NULL), iif(?3, custom_status, NULL), failure, tags
                FROM durable_instances WHERE hub = ?1 AND id = ?2
                """,
                hub, instanceId, withPayloads);
            return rows.Read() ? ReadInstance(rows) : null;
        },
        cancellation);

    public Task<IReadOnlyList<InstanceRow>> QueryAsync(InstanceFilter filter, CancellationToken cancellation) => ReadAsync<IReadOnlyList<InstanceRow>>(
        database =>
        {
            var found = new List<InstanceRow>();
            using var rows = database.Query(
                """
                SELECT id, name, status, created_at, updated_at, iif(?9, input, NULL), iif(?9, output, NULL), iif(?9, custom_status, NULL), failure, tags
                FROM durable_instances
                WHERE hub = ?1 AND id > ?2 AND id >= ?3 AND id < ?4 AND created_at >= ?5 AND created_at <= ?6 AND (?7 >> status) & 1
                ORDER BY id LIMIT ?8
                """,
                hub, filter.AfterId, filter.Prefix, PrefixEnd(filter.Prefix), CreatedFrom(filter), CreatedTo(filter), filter.StatusBits, filter.Limit,
                filter.WithPayloads);
            while (rows.Read())
                found.Add(ReadInstance(rows));
            return found;
        },
        cancellation);

    public Task<OrchestrationRuntimeStatus?> PurgeAsync(string instanceId, CancellationToken cancellation) => WriteAsync<OrchestrationRuntimeStatus?>(
        (database, _) =>
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

    public async Task<Work> TakeAsync(TakeRequest request, CancellationToken cancellation)
    {
        // Looking costs no transaction, and most looks find nothing.
        var seen = await ReadAsync(database => Look(database, request, Now), cancellation);
        if (seen.Turns.Count == 0 && seen.Activities.Count == 0 && seen.Dead.Count == 0 && !seen.HasExpired)
            return new([], [], AsTime(seen.NextDue));

        return await WriteAsync(
            (database, now) =>
            {
                if (Free(database, seen, now))
                    seen = Look(database, request with { IsAlive = null }, now);
                var until = now + request.LockDuration.Ticks;
                var turns = new List<TurnWork>(seen.Turns.Count);
                foreach (var execution in seen.Turns)
                    if (LockInstance(database, execution, request.ProcessId, until, now) is { } turn)
                        turns.Add(turn);
                var activities = new List<ActivityWork>(seen.Activities.Count);
                foreach (var sequence in seen.Activities)
                    if (LockActivity(database, sequence, request.ProcessId, until) is { } activity)
                        activities.Add(activity);
                return new Work(turns, activities, AsTime(seen.NextDue));
            },
            cancellation);
    }

    public Task<TurnInput> ReadTurnAsync(TurnWork work, int known, CancellationToken cancellation) => ReadAsync(
        database =>
        {
            var now = Now;
            var history = new List<HistoryEvent>();
            using (var rows = database.Query(
                "SELECT kind, task, name, payload, at FROM durable_history WHERE execution = ?1 AND number >= ?2 ORDER BY number", work.Execution, known))
            {
                while (rows.Read())
                    history.Add(new((EventKind)rows.Int32(0), rows.Int32(1), rows.TextOrNull(2), rows.TextOrNull(3), rows.Int64(4)));
            }
            var messages = new List<Message>();
            using (var rows = database.Query(
                """
                SELECT sequence, kind, task, name, payload, visible_at FROM durable_inbox
                WHERE execution = ?1 AND visible_at <= ?2 ORDER BY visible_at, sequence LIMIT ?3
                """,
                work.Execution, now, MaxMessagesPerTurn))
            {
                while (rows.Read())
                    messages.Add(new(rows.Int64(0), new((EventKind)rows.Int32(1), rows.Int32(2), rows.TextOrNull(3), rows.TextOrNull(4), rows.Int64(5))));
            }
            return new TurnInput(history, messages);
        },
        cancellation);

    public Task<TurnCommit> CommitTurnAsync(TurnOutcome outcome, Room next, CancellationToken cancellation) =>
        WriteAsync((database, now) => CommitTurn(database, outcome, next, now), cancellation);

    public Task<ActivityCommit> CompleteActivityAsync(
        ActivityWork work, EventKind kind, string? payload, Room next, CancellationToken cancellation) => WriteAsync(
        (database, now) =>
        {
            // Whoever comes first, even if its lock had ended: the work is done.
            var isWanted = database.Execute("DELETE FROM durable_activities WHERE execution = ?1 AND task = ?2", work.Execution, work.TaskId) == 1
                && Deliver(database, work.Execution, new(kind, work.TaskId, work.Name, payload, now));
            var turn = isWanted && next.Count > 0 ? LockInstance(database, work.Execution, next.ProcessId, now + next.LockDuration.Ticks, now) : null;
            return new ActivityCommit(isWanted, turn);
        },
        cancellation);

    public Task HandBackAsync(IReadOnlyCollection<TurnWork> turns, IReadOnlyCollection<ActivityWork> activities, CancellationToken cancellation) => WriteAsync(
        (database, _) =>
        {
            foreach (var turn in turns)
                database.Execute(
                    """
                    UPDATE durable_instances SET locked_by = NULL, locked_until = NULL,
                        ready_at = (SELECT min(visible_at) FROM durable_inbox WHERE durable_inbox.execution = ?1)
                    WHERE execution = ?1 AND epoch = ?2 AND locked_by IS NOT NULL
                    """,
                    turn.Execution, turn.Epoch);
            foreach (var activity in activities)
                database.Execute(
                    "UPDATE durable_activities SET locked_by = NULL, locked_until = NULL WHERE execution = ?1 AND task = ?2 AND epoch = ?3",
                    activity.Execution, activity.TaskId, activity.Epoch);
            WakeEngines(database);
            return true;
        },
        cancellation);

    public Task<IReadOnlyList<ActivityWork>> RenewAsync(
        IReadOnlyCollection<ActivityWork> activities, TimeSpan lockDuration, CancellationToken cancellation) => WriteAsync<IReadOnlyList<ActivityWork>>(
        (database, now) =>
        {
            var lost = new List<ActivityWork>();
            foreach (var activity in activities)
            {
                var renewed = database.Execute(
                    "UPDATE durable_activities SET locked_until = ?4 WHERE execution = ?1 AND task = ?2 AND epoch = ?3 AND locked_by IS NOT NULL",
                    activity.Execution, activity.TaskId, activity.Epoch, now + lockDuration.Ticks);
                if (renewed == 0)
                    lost.Add(activity);
            }
            return lost;
        },
        cancellation);

    // ---- Starting and ending instances

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
        var tags = instance.Tags is { Count: > 0 } ? JsonSerializer.Serialize(instance.Tags, EngineJson.Default.IReadOnlyDictionaryStringString) : null;
        database.Execute(
            """
            INSERT INTO durable_instances (hub, id, name, version, status, input, tags, created_at, updated_at, parent, parent_task, parent_name, parent_id, ready_at)
            VALUES (?1, ?2, ?3, ?4, 6, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12)
            """,
            hub, instance.Id, instance.Name, instance.Version, instance.Input, tags, now,
            caller?.Execution, caller?.TaskId, caller?.Name, caller?.InstanceId, visibleAt);
        AddMessage(database, database.LastInsertRowId, new(EventKind.ExecutionStarted, HistoryEvent.NoTask, instance.Name, instance.Input, visibleAt));
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
                UPDATE durable_instances SET status = 5, output = ?2, updated_at = ?3, ready_at = NULL, locked_by = NULL, locked_until = NULL
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

    // ---- Turns

    private TurnCommit CommitTurn(Database database, TurnOutcome outcome, Room next, long now)
    {
        var work = outcome.Work;
        var execution = work.Execution;
        // A turn that ends nothing leaves an instance suspended that was suspended meanwhile; one that failed before its code could
        // say anything leaves the custom status as it was.
        var changed = database.Execute(
            """
            UPDATE durable_instances SET status = iif(?3 = 0 AND status = 7, 7, ?3), output = ?4, failure = ?5, custom_status = iif(?3 = 3, ifnull(?6, custom_status), ?6), updated_at = ?7,
                events = ?8, locked_by = NULL, locked_until = NULL
            WHERE execution = ?1 AND epoch = ?2 AND locked_by IS NOT NULL AND events = ?9
            """,
            execution, work.Epoch, (int)outcome.Status, outcome.Output, outcome.FailureJson, outcome.CustomStatus, now,
            outcome.KnownEvents + outcome.NewEvents.Count, outcome.KnownEvents);
        if (changed == 0)
            return new TurnCommit(false, []);

        foreach (var sequence in outcome.Taken)
            database.Execute("DELETE FROM durable_inbox WHERE sequence = ?1", sequence);
        if (outcome.Restart is null)
            AddHistory(database, outcome);
        var taken = new List<ActivityWork>();
        foreach (var asked in outcome.Asked)
            Do(database, outcome, asked, next, taken, now);
        foreach (var task in outcome.CancelledTimers)
            database.Execute("DELETE FROM durable_inbox WHERE execution = ?1 AND kind = 6 AND task = ?2", execution, task);

        if (outcome.Restart is { } restart)
        {
            Restart(database, work, restart, now);
            return new TurnCommit(true, taken);
        }
        if (outcome.Status != OrchestrationRuntimeStatus.Running)
            Finish(database, execution, outcome.Status, outcome.Output, outcome.FailureJson, now);
        else if (outcome.KnownEvents == 0)
            WakeWaiters(database, work.InstanceId);
        database.Execute(
            """
            UPDATE durable_instances SET ready_at = (SELECT min(visible_at) FROM durable_inbox WHERE durable_inbox.execution = ?1) WHERE execution = ?1
            """,
            execution);
        WakeEngines(database);
        return new TurnCommit(true, taken);
    }

    private static void AddHistory(Database database, TurnOutcome outcome)
    {
        var number = outcome.KnownEvents;
        foreach (var added in outcome.NewEvents)
            database.Execute(
                "INSERT INTO durable_history (execution, number, kind, task, name, payload, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                outcome.Work.Execution, number++, (int)added.Kind, added.TaskId, added.Name, added.Payload, added.AtTicks);
    }

    private void Do(Database database, TurnOutcome outcome, Asked asked, Room next, List<ActivityWork> taken, long now)
    {
        var work = outcome.Work;
        switch (asked.Kind)
        {
            case EventKind.ActivityScheduled:
                var isTaken = taken.Count < next.Count;
                database.Execute(
                    """
                    INSERT INTO durable_activities (hub, version, execution, task, name, instance_id, input, locked_by, locked_until, epoch)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)
                    """,
                    hub, work.Version, work.Execution, asked.TaskId, asked.Name, work.InstanceId, asked.Payload,
                    isTaken ? next.ProcessId : null, isTaken ? now + next.LockDuration.Ticks : Value.Null);
                if (isTaken)
                    taken.Add(new(work.Execution, asked.TaskId, 1, asked.Name!, work.InstanceId, work.Version, asked.Payload));
                break;
            case EventKind.TimerCreated when !outcome.CancelledTimers.Contains(asked.TaskId):
                AddMessage(database, work.Execution, new(EventKind.TimerFired, asked.TaskId, null, null, asked.DueAt.Ticks));
                break;
            case EventKind.EventSent:
                DeliverTo(database, asked.InstanceId!, new(EventKind.EventRaised, HistoryEvent.NoTask, asked.Name, asked.Payload, now));
                break;
            case EventKind.SubOrchestrationScheduled:
                var caller = new Caller(work.Execution, asked.TaskId, work.Name, work.InstanceId);
                var child = new NewInstance(asked.InstanceId!, asked.Name!, asked.Version!, asked.Payload, asked.Tags, null, Statuses.UnfinishedBits);
                if (Start(database, child, caller, now).Existing is { } status)
                    Deliver(database, work.Execution, new(EventKind.SubOrchestrationFailed, asked.TaskId, asked.Name, AlreadyExists(child.Id, status), now));
                break;
        }
    }

    private void Restart(Database database, TurnWork work, Restart restart, long now)
    {
        // The row takes a new number, and with it everything that is still under way for the old one loses its addressee.
        database.Execute(
            """
            INSERT OR REPLACE INTO durable_instances
                (hub, id, name, version, status, input, custom_status, tags, created_at, updated_at, parent, parent_task, parent_name, parent_id, ready_at)
            SELECT hub, id, name, ifnull(?2, version), status, ?3, custom_status, tags, created_at, updated_at, parent, parent_task, parent_name, parent_id, ?4
            FROM durable_instances WHERE execution = ?1
            """,
            work.Execution, restart.Version, restart.Input, now);
        var execution = database.LastInsertRowId;
        AddMessage(database, execution, new(EventKind.ExecutionStarted, HistoryEvent.NoTask, work.Name, restart.Input, now));
        foreach (var kept in restart.KeptEvents)
            AddMessage(database, execution, kept with { AtTicks = now });
        // Added anew, so that they stand behind the kept ones, which came before them.
        database.Execute(
            """
            INSERT INTO durable_inbox (execution, kind, task, name, payload, visible_at)
            SELECT ?2, kind, task, name, payload, ?3 FROM durable_inbox WHERE execution = ?1 AND kind = 10 ORDER BY visible_at, sequence
            """,
            work.Execution, execution, now);
        // Activities that nobody waits for any longer still run, as in Azure; their results find no instance.
        ForgetHistory(database, work.Execution);
        WakeEngines(database);
    }

    // ---- Messages

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

    // ---- Locks

    private Seen Look(Database database, TakeRequest request, long now)
    {
        var ready = new List<(long ReadyAt, long Execution)>();
        long? next = null;
        foreach (var version in ReadyVersions(database))
        {
            if (!request.Accepts(version))
                continue;
            using (var rows = database.Query(
                """
                SELECT ready_at, execution FROM durable_instances
                WHERE hub = ?1 AND version = ?2 AND ready_at <= ?3 AND locked_by IS NULL AND ready_at IS NOT NULL AND status <> 7
                ORDER BY ready_at LIMIT ?4
                """,
                hub, version, now, request.MaxTurns))
            {
                while (rows.Read())
                    ready.Add((rows.Int64(0), rows.Int64(1)));
            }
            using (var rows = database.Query(
                """
                SELECT min(ready_at) FROM durable_instances
                WHERE hub = ?1 AND version = ?2 AND ready_at > ?3 AND locked_by IS NULL AND ready_at IS NOT NULL AND status <> 7
                """,
                hub, version, now))
                next = Earlier(next, rows.Read() ? rows.Int64OrNull(0) : null);
        }
        ready.Sort();

        var activities = new List<long>();
        foreach (var version in ActivityVersions(database))
        {
            if (!request.Accepts(version))
                continue;
            using var rows = database.Query(
                "SELECT sequence FROM durable_activities WHERE hub = ?1 AND version = ?2 AND locked_by IS NULL ORDER BY sequence LIMIT ?3",
                hub, version, request.MaxActivities);
            while (rows.Read())
                activities.Add(rows.Int64(0));
        }
        activities.Sort();

        var lockEnd = LockEnd(database);
        return new Seen(
            [.. ready.Take(request.MaxTurns).Select(instance => instance.Execution)],
            [.. activities.Take(request.MaxActivities)],
            request.IsAlive is null ? [] : DeadHolders(database, request),
            lockEnd <= now,
            lockEnd <= now ? next : Earlier(next, lockEnd));
    }

    // The distinct values of an index's leading column, one seek each; SELECT DISTINCT would walk all of it.
    private List<string> ReadyVersions(Database database) => Versions(
        database,
        """
        SELECT min(version) FROM durable_instances
        WHERE hub = ?1 AND version > ?2 AND locked_by IS NULL AND ready_at IS NOT NULL AND status <> 7
        """);

    private List<string> ActivityVersions(Database database) =>
        Versions(database, "SELECT min(version) FROM durable_activities WHERE hub = ?1 AND version > ?2 AND locked_by IS NULL");

    private List<string> Versions(Database database, string nextVersion)
    {
        List<string> versions = [string.Empty];
        while (true)
        {
            using var rows = database.Query(nextVersion, hub, versions[^1]);
            if (!rows.Read() || rows.TextOrNull(0) is not { } version)
                return versions;
            versions.Add(version);
        }
    }

    private long? LockEnd(Database database)
    {
        using var rows = database.Query(
            """
            SELECT min(ends) FROM (
                SELECT min(locked_until) AS ends FROM durable_instances WHERE hub = ?1 AND locked_by IS NOT NULL
                UNION ALL SELECT min(locked_until) FROM durable_activities WHERE hub = ?1 AND locked_by IS NOT NULL)
            """,
            hub);
        return rows.Read() ? rows.Int64OrNull(0) : null;
    }

    private List<string> DeadHolders(Database database, TakeRequest request)
    {
        var dead = new List<string>();
        using var rows = database.Query(
            """
            SELECT DISTINCT locked_by FROM durable_instances WHERE hub = ?1 AND locked_by IS NOT NULL
            UNION SELECT locked_by FROM durable_activities WHERE hub = ?1 AND locked_by IS NOT NULL
            """,
            hub);
        while (rows.Read())
        {
            var holder = rows.Text(0);
            if (holder != request.ProcessId && !request.IsAlive!(holder))
                dead.Add(holder);
        }
        return dead;
    }

    private bool Free(Database database, Seen seen, long now)
    {
        var freed = 0;
        foreach (var holder in seen.Dead)
        {
            freed += database.Execute("UPDATE durable_instances SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by = ?2", hub, holder);
            freed += database.Execute("UPDATE durable_activities SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by = ?2", hub, holder);
        }
        if (seen.HasExpired)
        {
            freed += database.Execute(
                "UPDATE durable_instances SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by IS NOT NULL AND locked_until <= ?2", hub, now);
            freed += database.Execute(
                "UPDATE durable_activities SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by IS NOT NULL AND locked_until <= ?2", hub, now);
        }
        return freed > 0;
    }

    private static TurnWork? LockInstance(Database database, long execution, string processId, long until, long now)
    {
        using var rows = database.Query(
            """
            UPDATE durable_instances SET locked_by = ?2, locked_until = ?3, epoch = epoch + 1
            WHERE execution = ?1 AND locked_by IS NULL AND ready_at <= ?4 AND status <> 7
            RETURNING epoch, id, name, version, parent, parent_name, parent_id
            """,
            execution, processId, until, now);
        return rows.Read()
            ? new(execution, rows.Int64(0), rows.Text(1), rows.Text(2), rows.Text(3), rows.Int64OrNull(4), rows.TextOrNull(5), rows.TextOrNull(6))
            : null;
    }

    private static ActivityWork? LockActivity(Database database, long sequence, string processId, long until)
    {
        using var rows = database.Query(
            """
            UPDATE durable_activities SET locked_by = ?2, locked_until = ?3, epoch = epoch + 1 WHERE sequence = ?1 AND locked_by IS NULL
            RETURNING execution, task, epoch, name, instance_id, version, input
            """,
            sequence, processId, until);
        return rows.Read()
            ? new(rows.Int64(0), rows.Int32(1), rows.Int64(2), rows.Text(3), rows.Text(4), rows.Text(5), rows.TextOrNull(6))
            : null;
    }

    // ---- Access

    private (long Execution, OrchestrationRuntimeStatus Status)? Find(Database database, string instanceId)
    {
        using var rows = database.Query("SELECT execution, status FROM durable_instances WHERE hub = ?1 AND id = ?2", hub, instanceId);
        return rows.Read() ? (rows.Int64(0), (OrchestrationRuntimeStatus)rows.Int32(1)) : null;
    }

    private static InstanceRow ReadInstance(Rows rows) => new(
        rows.Text(0), rows.Text(1), (OrchestrationRuntimeStatus)rows.Int32(2), AsTime(rows.Int64(3))!.Value, AsTime(rows.Int64(4))!.Value,
        rows.TextOrNull(5), rows.TextOrNull(6), rows.TextOrNull(7), rows.TextOrNull(8), rows.TextOrNull(9));

    private static string AlreadyExists(string id, OrchestrationRuntimeStatus status) => Failure.ToJson(new(
        "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException", $"An orchestration with the id '{id}' exists and is {status}.", null, null, null));

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

    /// <summary>What a look found: the instances and activities to lock, whose locks to free, and when to look again.</summary>
    private sealed record Seen(List<long> Turns, List<long> Activities, List<string> Dead, bool HasExpired, long? NextDue);
}
