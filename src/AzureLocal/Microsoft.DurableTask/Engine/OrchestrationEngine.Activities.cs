namespace Microsoft.DurableTask.Engine;

/// <summary>Activities: call, store the result, and keep the lock as long as that takes.</summary>
internal sealed partial class OrchestrationEngine
{
    private async Task RunActivityAsync(ActivityWork work)
    {
        var lost = new CancellationTokenSource();
        lock (gate)
        {
            running.Add(work, lost);
            StartRenewing();
        }
        try
        {
            await Task.Yield();
            if (isKilled)
                return;
            Operations.Count("Activity");
            var (kind, payload) = await CallActivityAsync(work, lost.Token);
            // What an activity throws after it was cancelled is no outcome: it runs again, or already does.
            if (kind == EventKind.ActivityCompleted || !lost.IsCancellationRequested)
                await SettleAsync(work, kind, payload);
        }
        finally
        {
            lock (gate)
            {
                running.Remove(work);
                NoteIdle();
            }
            bell.Ring();
        }
    }

    private async Task<(EventKind Kind, string? Payload)> CallActivityAsync(ActivityWork work, CancellationToken lost)
    {
        try
        {
            if (!activities.TryGetValue(work.Name, out var run))
                return Failed(NotHere("ActivityTaskNotFound", $"No activity task named '{work.Name}' was found."));
            var output = await run(new ActivityContext(work), work.Input, lost);
            return (EventKind.ActivityCompleted, Payloads.Serialize(options.DataConverter, output));
        }
        catch (Exception failure)
        {
            return Failed(TaskFailureDetails.FromException(failure));
        }
    }

    private static (EventKind Kind, string? Payload) Failed(TaskFailureDetails failure) => (EventKind.ActivityFailed, Failure.ToJson(failure));

    private bool IsHeld(ActivityWork work)
    {
        lock (gate)
            return !isKilled && running.ContainsKey(work);
    }

    private async Task SettleAsync(ActivityWork work, EventKind kind, string? payload)
    {
        var delay = FirstRetry;
        for (var attempt = 1; IsHeld(work); attempt++)
        {
            try
            {
                if (!await CompleteActivityAsync(work, kind, payload))
                    Log.ActivityDropped(logger, work.Name, work.InstanceId);
                return;
            }
            catch (Exception failure)
            {
                if (isKilled)
                    return;
                Log.SettlingFailed(logger, failure, work.Name, work.InstanceId);
                if (attempt == MaxSettleTries)
                    return; // its lock ends by itself, and it runs again
            }
            await Task.Delay(delay, clock, CancellationToken.None);
            delay *= 2;
        }
    }

    private async Task<bool> CompleteActivityAsync(ActivityWork work, EventKind kind, string? payload)
    {
        int reserved;
        lock (gate)
        {
            reserved = stopping.IsCancellationRequested ? 0 : Math.Clamp(TurnRoom, 0, 1);
            reservedTurns += reserved;
        }
        try
        {
            var next = new Room(reserved, processId, options.LockDuration);
            var commit = await store.CompleteActivityAsync(work, kind, payload, next, CancellationToken.None);
            if (commit.Taken is { } turn && !isKilled)
                _ = RunTurnAsync(turn);
            return commit.IsDone;
        }
        finally
        {
            lock (gate)
                reservedTurns -= reserved;
        }
    }

    private void StartRenewing()
    {
        if (isRenewing || isClosed)
            return;
        isRenewing = true;
        renewTimer.Change(options.LockDuration / 3, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Renews all that runs, every third of a lock; with nothing left the timer rests. An activity of less than that renews nothing.
    /// </summary>
    private async Task RenewAsync()
    {
        while (true)
        {
            await renewBell.WaitAsync();
            if (isClosed)
                return;
            ActivityWork[] held;
            lock (gate)
            {
                isRenewing = false;
                held = [.. running.Keys];
                if (held.Length > 0)
                    StartRenewing();
            }
            if (held.Length == 0)
                continue;
            try
            {
                foreach (var gone in await store.RenewAsync(held, options.LockDuration, CancellationToken.None))
                    Lose(gone);
            }
            catch (Exception failure)
            {
                Log.RenewingFailed(logger, failure); // there is another try before the locks end
            }
        }
    }

    private void Lose(ActivityWork work)
    {
        CancellationTokenSource? lost;
        lock (gate)
            running.TryGetValue(work, out lost);
        Cancel(lost);
    }

    private void Cancel(CancellationTokenSource? source)
    {
        try
        {
            source?.Cancel();
        }
        catch (AggregateException failure)
        {
            Log.CancellingFailed(logger, failure); // thrown by what the activity has registered with its token
        }
    }

    private sealed class ActivityContext(ActivityWork work) : TaskActivityContext
    {
        public override TaskName Name => work.Name;

        public override string InstanceId => work.InstanceId;

        public override string Version => work.Version;
    }
}
