using AzureLocal.Storage;
using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>What turns and activities read and store.</summary>
internal sealed partial class OrchestrationStore
{
    public Task<TurnInput> ReadTurnAsync(TurnWork work, int known, CancellationToken cancellation) => ReadAsync(
        database =>
        {
            var now = Now;
            var history = new List<HistoryEvent>();
            using (var rows = database.Query(
                "SELECT kind, task, name, payload, at FROM durable_history WHERE execution = ?1 AND number >= ?2 ORDER BY number",
                work.Execution, known))
            {
                while (rows.Read())
                    history.Add(ReadEvent(rows, 0));
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
                    messages.Add(new(rows.Int64(0), ReadEvent(rows, 1)));
            }
            return new TurnInput(history, messages);
        },
        cancellation);

    private static HistoryEvent ReadEvent(Rows rows, int column) => new(
        (EventKind)rows.Int32(column), rows.Int32(column + 1), rows.TextOrNull(column + 2), rows.TextOrNull(column + 3), rows.Int64(column + 4));

    public Task<TurnCommit> CommitTurnAsync(TurnOutcome outcome, Room next, CancellationToken cancellation) =>
        WriteAsync((database, now) => CommitTurn(database, outcome, next, now), cancellation);

    public Task<ActivityCommit> CompleteActivityAsync(
        ActivityWork work, EventKind kind, string? payload, Room next, CancellationToken cancellation) => WriteAsync(
        (database, now) =>
        {
            // Whoever comes first, even if its lock had ended: the work is done.
            var removed = database.Execute("DELETE FROM durable_activities WHERE execution = ?1 AND task = ?2", work.Execution, work.TaskId);
            if (removed == 0 || !Deliver(database, work.Execution, new(kind, work.TaskId, work.Name, payload, now)))
                return new ActivityCommit(false, null);
            if (next.Count == 0)
                return new ActivityCommit(true, null);
            return new ActivityCommit(true, LockInstance(database, work.Execution, next.ProcessId, now + next.LockDuration.Ticks, now));
        },
        cancellation);

    private TurnCommit CommitTurn(Database database, TurnOutcome outcome, Room next, long now)
    {
        var work = outcome.Work;
        var execution = work.Execution;
        // A turn that ends nothing leaves an instance suspended that was suspended meanwhile; one that failed before its code could
        // say anything leaves the custom status as it was.
        var changed = database.Execute(
            """
            UPDATE durable_instances SET
                status = iif(?3 = 0 AND status = 7, 7, ?3), output = ?4, failure = ?5,
                custom_status = iif(?3 = 3, ifnull(?6, custom_status), ?6), updated_at = ?7, events = ?8, locked_by = NULL, locked_until = NULL
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
            UPDATE durable_instances SET ready_at = (SELECT min(visible_at) FROM durable_inbox WHERE durable_inbox.execution = ?1)
            WHERE execution = ?1
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
                var child = new NewInstance(
                    asked.InstanceId!, asked.Name!, asked.Version!, asked.Payload, asked.Tags, null, Statuses.UnfinishedBits);
                if (Start(database, child, caller, now).Existing is not { } status)
                    break;
                var failure = AlreadyExists(child.Id, status);
                Deliver(database, work.Execution, new(EventKind.SubOrchestrationFailed, asked.TaskId, asked.Name, failure, now));
                break;
        }
    }

    private void Restart(Database database, TurnWork work, Restart restart, long now)
    {
        // The row takes a new number, and with it everything that is still under way for the old one loses its addressee.
        database.Execute(
            """
            INSERT OR REPLACE INTO durable_instances (
                hub, id, name, version, status, input, custom_status, tags,
                created_at, updated_at, parent, parent_task, parent_name, parent_id, ready_at)
            SELECT
                hub, id, name, ifnull(?2, version), status, ?3, custom_status, tags,
                created_at, updated_at, parent, parent_task, parent_name, parent_id, ?4
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

    private static string AlreadyExists(string id, OrchestrationRuntimeStatus status) => Failure.ToJson(new(
        "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
        $"An orchestration with the id '{id}' exists and is {status}.",
        null, null, null));
}
