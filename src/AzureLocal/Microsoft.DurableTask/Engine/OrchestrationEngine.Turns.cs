using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>Turns: read what is new, run the code, store the outcome.</summary>
internal sealed partial class OrchestrationEngine
{
    private async Task RunTurnAsync(TurnWork work)
    {
        lock (gate)
            turns.Add(work);
        try
        {
            // Off the dispatch loop, so that turns do not wait for one another.
            await Task.Yield();
            if (!isKilled)
                await RunTurnOnceAsync(work);
        }
        catch (Exception failure)
        {
            await GiveUpTurnAsync(work, failure);
        }
        finally
        {
            lock (gate)
            {
                turns.Remove(work);
                NoteIdle();
            }
            bell.Ring();
        }
    }

    private async Task RunTurnOnceAsync(TurnWork work)
    {
        var known = histories.Get(work.Execution);
        var input = await store.ReadTurnAsync(work, known.Count, CancellationToken.None);
        if (isKilled)
            return;
        IReadOnlyList<HistoryEvent> history = input.History.Count == 0 ? known : [.. known, .. input.History];
        if (input.Messages.Count == 0)
        {
            await store.HandBackAsync([work], [], CancellationToken.None);
            return;
        }
        Operations.Count("Turn");
        var outcome = RunCode(work, history, input.Messages);
        if (!await CommitTurnAsync(outcome))
        {
            Log.TurnFenced(logger, work.Name, work.InstanceId);
            histories.Remove(work.Execution);
            return;
        }
        if (outcome.Status == OrchestrationRuntimeStatus.Failed)
            Log.OrchestrationFailed(logger, work.Name, work.InstanceId, outcome.FailureJson);
        if (outcome.Status == OrchestrationRuntimeStatus.Running && outcome.Restart is null)
            histories.Put(work.Execution, [.. history, .. outcome.NewEvents]);
        else
            histories.Remove(work.Execution);
    }

    private async Task<bool> CommitTurnAsync(TurnOutcome outcome)
    {
        var wanted = outcome.Asked.Count(asked => asked.Kind == EventKind.ActivityScheduled);
        int reserved;
        lock (gate)
        {
            reserved = stopping.IsCancellationRequested ? 0 : Math.Clamp(ActivityRoom, 0, wanted);
            reservedActivities += reserved;
        }
        try
        {
            var next = new Room(reserved, processId, options.LockDuration);
            var commit = await store.CommitTurnAsync(outcome, next, CancellationToken.None);
            if (!isKilled)
            {
                foreach (var activity in commit.Taken)
                    _ = RunActivityAsync(activity);
            }
            return commit.IsDone;
        }
        finally
        {
            lock (gate)
                reservedActivities -= reserved;
        }
    }

    private TurnOutcome RunCode(TurnWork work, IReadOnlyList<HistoryEvent> history, IReadOnlyList<Message> messages)
    {
        var now = clock.GetUtcNow();
        if (!MatchesVersion(work.Version))
            return Turn.Refuse(work, history.Count, messages, now, NotHere(
                "VersionMismatch",
                $"The orchestration's version '{work.Version}' does not match '{options.DefaultVersion}' ({options.VersionMatchStrategy})."));
        if (!orchestrators.TryGetValue(work.Name, out var code))
            return Turn.Refuse(work, history.Count, messages, now, NotHere(
                "OrchestratorTaskNotFound", $"No orchestrator task named '{work.Name}' was found."));
        return Turn.Run(work, code, history, messages, now, options, loggers);
    }

    /// <summary>Storage failed: the turn runs again, here or elsewhere, but not in a hot loop.</summary>
    private async Task GiveUpTurnAsync(TurnWork work, Exception failure)
    {
        if (isKilled)
            return;
        Log.TurnFailed(logger, failure, work.Name, work.InstanceId);
        histories.Remove(work.Execution);
        await PauseAsync(FirstRetry);
        await TryHandBackAsync([work], []);
    }

    private static TaskFailureDetails NotHere(string type, string message) =>
        new(type, message, null, null, null) { IsNonRetriable = true };
}
