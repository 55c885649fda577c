using AzureLocal.Storage;

namespace Microsoft.DurableTask.Engine;

/// <summary>Which work is ready, and whose it is: by lock, with an epoch that fences off whoever had it before.</summary>
internal sealed partial class OrchestrationStore
{
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

    public Task HandBackAsync(
        IReadOnlyCollection<TurnWork> turns, IReadOnlyCollection<ActivityWork> activities, CancellationToken cancellation) => WriteAsync(
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
        IReadOnlyCollection<ActivityWork> activities, TimeSpan lockDuration, CancellationToken cancellation) =>
        WriteAsync<IReadOnlyList<ActivityWork>>(
        (database, now) =>
        {
            var lost = new List<ActivityWork>();
            foreach (var activity in activities)
            {
                var renewed = database.Execute(
                    """
                    UPDATE durable_activities SET locked_until = ?4
                    WHERE execution = ?1 AND task = ?2 AND epoch = ?3 AND locked_by IS NOT NULL
                    """,
                    activity.Execution, activity.TaskId, activity.Epoch, now + lockDuration.Ticks);
                if (renewed == 0)
                    lost.Add(activity);
            }
            return lost;
        },
        cancellation);

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
            freed += database.Execute(
                "UPDATE durable_instances SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by = ?2", hub, holder);
            freed += database.Execute(
                "UPDATE durable_activities SET locked_by = NULL, locked_until = NULL WHERE hub = ?1 AND locked_by = ?2", hub, holder);
        }
        if (seen.HasExpired)
        {
            freed += database.Execute(
                """
                UPDATE durable_instances SET locked_by = NULL, locked_until = NULL
                WHERE hub = ?1 AND locked_by IS NOT NULL AND locked_until <= ?2
                """,
                hub, now);
            freed += database.Execute(
                """
                UPDATE durable_activities SET locked_by = NULL, locked_until = NULL
                WHERE hub = ?1 AND locked_by IS NOT NULL AND locked_until <= ?2
                """,
                hub, now);
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
            ? new(
                execution, rows.Int64(0), rows.Text(1), rows.Text(2), rows.Text(3),
                rows.Int64OrNull(4), rows.TextOrNull(5), rows.TextOrNull(6))
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

    /// <summary>What a look found: the instances and activities to lock, whose locks to free, and when to look again.</summary>
    private sealed record Seen(List<long> Turns, List<long> Activities, List<string> Dead, bool HasExpired, long? NextDue);
}
