using AzureLocal.Storage;
using Microsoft.DurableTask.Abstractions;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// Runs the orchestrators and activities of one task hub in this process. One loop takes what is ready, as much as there is room
/// for, and starts it; it is woken by commits of this process, by the next due time, and, where other processes share the store, by a poll.
/// </summary>
internal sealed partial class OrchestrationEngine : IAsyncDisposable
{
    /// <summary>Every how many polls to look for processes that died: twice a second.</summary>
    private const int PollsPerDeathWatch = 10;

    private const int MaxSettleTries = 5;

    /// <summary>A timer takes at most 49 days; for what is due later, it is asked again in between.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, Func<TaskOrchestrationContext, Task<object?>>> orchestrators = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, Func<TaskActivityContext, string?, CancellationToken, Task<object?>>> activities = new(StringComparer.OrdinalIgnoreCase);
    private readonly IOrchestrationStore store;
    private readonly StoreSignals signals;
    private readonly string taskHub;
    private readonly string processId;
    private readonly Func<string, bool> isProcessAlive;
    private readonly TimeProvider clock;
    private readonly Random random;
    private readonly ILoggerFactory loggers;
    private readonly ILogger logger;
    private readonly EngineOptions options;
    private readonly HistoryCache histories = new();
    private readonly Bell bell = new();
    private readonly Lock gate = new();
    private readonly Bell renewBell = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly HashSet<TurnWork> turns = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ActivityWork, CancellationTokenSource> running = new(ReferenceEqualityComparer.Instance);
    private readonly ITimer dueTimer;
    private readonly ITimer renewTimer;
    private readonly ITimer pollTimer;
    private int reservedTurns;
    private int reservedActivities;
    private TaskCompletionSource? idle;
    private Task dispatching = Task.CompletedTask;
    private bool lookForDead = true;
    private bool isRenewing;
    private long polledVersion;
    private int polls;
    private volatile bool isClosed;
    private volatile bool isKilled;

    public OrchestrationEngine(Store store, string taskHub, TimeProvider clock, Random random, ILoggerFactory loggers, EngineOptions options)
    {
        IOrchestrationStore own = new OrchestrationStore(store, taskHub, clock);
        this.store = options.DecorateStore?.Invoke(own) ?? own;
        signals = store.Part(static _ => new StoreSignals());
        this.taskHub = taskHub;
        processId = options.ProcessId ?? store.Processes.Id;
        isProcessAlive = options.IsProcessAlive ?? store.Processes.IsAlive;
        this.clock = clock;
        this.random = random;
        this.loggers = loggers;
        logger = loggers.CreateLogger("Microsoft.DurableTask");
        this.options = options;
        dueTimer = clock.CreateTimer(_ => bell.Ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        renewTimer = clock.CreateTimer(_ => renewBell.Ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        pollTimer = clock.CreateTimer(_ => Poll(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Client calls, turns and activities so far.</summary>
    public OperationCounter Operations { get; } = new();

    /// <summary>Before <see cref="StartAsync"/>. Names are compared without case.</summary>
    public void AddOrchestrator(string name, Func<TaskOrchestrationContext, Task<object?>> run) => orchestrators.Add(name, run);

    /// <summary>Before <see cref="StartAsync"/>. The delegate gets its input as JSON; what it returns is made JSON here.</summary>
    public void AddActivity(string name, Func<TaskActivityContext, string?, CancellationToken, Task<object?>> run) => activities.Add(name, run);

    /// <summary>A client works whether or not the engine is started.</summary>
    public DurableTaskClient CreateClient() => new EngineClient(taskHub, store, signals, clock, random, options, Operations);

    /// <summary>Starts the dispatch loop.</summary>
    public Task StartAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        signals.Add(taskHub, bell);
        if (store.IsShared)
            pollTimer.Change(options.PollInterval, options.PollInterval);
        dispatching = DispatchAsync();
        _ = RenewAsync();
        return Task.CompletedTask;
    }

    /// <summary>Takes no more work, waits for what runs within the token, hands the rest back at once.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        if (isKilled)
            return;
        stopping.Cancel();
        bell.Ring();
        await dispatching;
        try
        {
            await WhenIdle().WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            await HandBackAsync();
        }
        Close();
    }

    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true));

    /// <summary>
    /// As if the process had died: nothing of what runs has any effect from here on, and what is locked stays locked until
    /// another engine finds the process dead or the lock ends.
    /// </summary>
    public void Kill()
    {
        isKilled = true;
        stopping.Cancel();
        Close();
    }

    private bool Accepts(string version) =>
        options.VersionFailureStrategy == VersionFailureStrategy.Fail || MatchesVersion(version);

    private bool MatchesVersion(string version)
    {
        if (options.DefaultVersion is not { } ours)
            return true;
        var difference = TaskOrchestrationVersioningUtils.CompareVersions(version, ours);
        return options.VersionMatchStrategy switch
        {
            VersionMatchStrategy.Strict => difference == 0,
            VersionMatchStrategy.CurrentOrOlder => difference <= 0,
            _ => true,
        };
    }

    private int TurnRoom => options.MaxConcurrentOrchestrators - turns.Count - reservedTurns;

    private int ActivityRoom => options.MaxConcurrentActivities - running.Count - reservedActivities;

    // ---- Dispatch

    private async Task DispatchAsync()
    {
        var delay = FirstRetry;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (!await DispatchOnceAsync())
                    await bell.WaitAsync();
                delay = FirstRetry;
            }
            catch (Exception failure)
            {
                if (isKilled)
                    return;
                Log.TakingFailed(logger, failure, delay);
                await PauseAsync(delay);
                delay = delay < LastRetry ? delay * 2 : LastRetry;
            }
        }
    }

    private async Task PauseAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, clock, stopping.Token);
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>False when there is nothing to take, or no room.</summary>
    private async Task<bool> DispatchOnceAsync()
    {
        int turnRoom, activityRoom;
        lock (gate)
        {
            turnRoom = TurnRoom;
            activityRoom = ActivityRoom;
        }
        if (turnRoom <= 0 && activityRoom <= 0)
            return false;
        var isAlive = Interlocked.Exchange(ref lookForDead, false) ? isProcessAlive : null;
        var work = await store.TakeAsync(
            new(processId, turnRoom, activityRoom, options.LockDuration, Accepts, isAlive), CancellationToken.None);
        if (isKilled)
            return false;
        if (stopping.IsCancellationRequested)
        {
            await TryHandBackAsync(work.Turns, work.Activities);
            return false;
        }
        foreach (var turn in work.Turns)
            _ = RunTurnAsync(turn);
        foreach (var activity in work.Activities)
            _ = RunActivityAsync(activity);
        if (work.Turns.Count > 0 || work.Activities.Count > 0)
            return true;
        ArmDueTimer(work.NextDue);
        return false;
    }

    private void ArmDueTimer(DateTimeOffset? due)
    {
        if (due is null)
        {
            dueTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }
        // Timers count whole milliseconds, cut off: without rounding up, the last one would be spent asking again and again.
        var wait = Math.Ceiling((due.Value - clock.GetUtcNow()).TotalMilliseconds);
        dueTimer.Change(TimeSpan.FromMilliseconds(Math.Clamp(wait, 0, LongestWait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    private void Poll()
    {
        if (++polls % PollsPerDeathWatch == 0)
        {
            Volatile.Write(ref lookForDead, true);
            bell.Ring();
            return;
        }
        try
        {
            var version = store.CommitVersion();
            if (version == polledVersion)
                return;
            polledVersion = version;
        }
        catch (Exception failure)
        {
            // It must not reach the timer, where it would end the process. Taking will fail, too, and wait before it tries again.
            Log.PollingFailed(logger, failure);
        }
        bell.Ring();
    }

    // ---- Turns

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
            var commit = await store.CommitTurnAsync(outcome, new(reserved, processId, options.LockDuration), CancellationToken.None);
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
                "VersionMismatch", $"The orchestration's version '{work.Version}' does not match '{options.DefaultVersion}' ({options.VersionMatchStrategy})."));
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

    // ---- Activities

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
                return (EventKind.ActivityFailed, Failure.ToJson(NotHere("ActivityTaskNotFound", $"No activity task named '{work.Name}' was found.")));
            var output = await run(new ActivityContext(work), work.Input, lost);
            return (EventKind.ActivityCompleted, Payloads.Serialize(options.DataConverter, output));
        }
        catch (Exception failure)
        {
            return (EventKind.ActivityFailed, Failure.ToJson(TaskFailureDetails.FromException(failure)));
        }
    }

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
            var commit = await store.CompleteActivityAsync(work, kind, payload, new(reserved, processId, options.LockDuration), CancellationToken.None);
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

    // ---- Locks

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

    private async Task HandBackAsync()
    {
        TurnWork[] heldTurns;
        KeyValuePair<ActivityWork, CancellationTokenSource>[] heldActivities;
        lock (gate)
        {
            heldTurns = [.. turns];
            heldActivities = [.. running];
            turns.Clear();
            running.Clear();
        }
        foreach (var (_, lost) in heldActivities)
            Cancel(lost);
        if (heldTurns.Length > 0 || heldActivities.Length > 0)
            await TryHandBackAsync(heldTurns, [.. heldActivities.Select(held => held.Key)]);
    }

    private async Task TryHandBackAsync(IReadOnlyCollection<TurnWork> heldTurns, IReadOnlyCollection<ActivityWork> heldActivities)
    {
        if (isKilled)
            return;
        try
        {
            await store.HandBackAsync(heldTurns, heldActivities, CancellationToken.None);
        }
        catch (Exception failure)
        {
            Log.HandBackFailed(logger, failure); // the locks end by themselves
        }
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

    private Task WhenIdle()
    {
        lock (gate)
        {
            if (turns.Count == 0 && running.Count == 0)
                return Task.CompletedTask;
            idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return idle.Task;
        }
    }

    private void NoteIdle()
    {
        if (turns.Count == 0 && running.Count == 0)
            idle?.TrySetResult();
    }

    private void Close()
    {
        isClosed = true;
        renewBell.Ring();
        signals.Remove(bell);
        dueTimer.Dispose();
        renewTimer.Dispose();
        pollTimer.Dispose();
    }

    private static TaskFailureDetails NotHere(string type, string message) => new(type, message, null, null, null) { IsNonRetriable = true };

    private sealed class ActivityContext(ActivityWork work) : TaskActivityContext
    {
        public override TaskName Name => work.Name;

        public override string InstanceId => work.InstanceId;

        public override string Version => work.Version;
    }
}
