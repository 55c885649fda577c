using AzureLocal.Storage;
using Microsoft.DurableTask.Abstractions;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;
using ActivityCode = System.Func<
    Microsoft.DurableTask.TaskActivityContext, string?, System.Threading.CancellationToken, System.Threading.Tasks.Task<object?>>;
using OrchestratorCode = System.Func<Microsoft.DurableTask.TaskOrchestrationContext, System.Threading.Tasks.Task<object?>>;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// Runs the orchestrators and activities of one task hub in this process. One loop takes what is ready, as much as there is room
/// for, and starts it; it is woken by commits of this process, by the next due time, and, where other processes share the store, by a poll.
/// </summary>
internal sealed partial class OrchestrationEngine : IAsyncDisposable
{
    /// <summary>
    /// How often a process that is alone looks whether it still is. Each look wakes a thread of the pool, which then spins for more to do: 20 of them a second
    /// took 2 % of a core.
    /// </summary>
    private static readonly TimeSpan AlonePollInterval = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LookForOthersEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookForDeadEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LookForDeadAloneEvery = TimeSpan.FromSeconds(5);

    private const int MaxSettleTries = 5;

    /// <summary>A timer takes at most 49 days; for what is due later, it is asked again in between.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, OrchestratorCode> orchestrators = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, ActivityCode> activities = new(StringComparer.OrdinalIgnoreCase);
    private readonly IOrchestrationStore store;
    private readonly StoreSignals signals;
    private readonly string taskHub;
    private readonly string processId;
    private readonly Func<string, bool> isProcessAlive;
    private readonly Func<bool> hasOtherProcesses;
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
    private long lookedForOthers;
    private long lookedForDead;
    private bool isAlone;
    private int polling;
    private volatile bool isClosed;
    private volatile bool isKilled;

    public OrchestrationEngine(
        Store store, string taskHub, TimeProvider clock, Random random, ILoggerFactory loggers, EngineOptions options)
    {
        IOrchestrationStore own = new OrchestrationStore(store, taskHub, clock);
        this.store = options.DecorateStore?.Invoke(own) ?? own;
        signals = store.Part(static _ => new StoreSignals());
        this.taskHub = taskHub;
        processId = options.ProcessId ?? store.Processes.Id;
        isProcessAlive = options.IsProcessAlive ?? store.Processes.IsAlive;
        hasOtherProcesses = options.HasOtherProcesses ?? store.Processes.HasOthers;
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
    public void AddOrchestrator(string name, OrchestratorCode run) => orchestrators.Add(name, run);

    /// <summary>Before <see cref="StartAsync"/>. The delegate gets its input as JSON; what it returns is made JSON here.</summary>
    public void AddActivity(string name, ActivityCode run) => activities.Add(name, run);

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
        if (Interlocked.Exchange(ref polling, 1) == 1)
            return; // the last one still runs, on a busy machine
        try
        {
            LookForOthers();
            if (HasPassed(isAlone ? LookForDeadAloneEvery : LookForDeadEvery, ref lookedForDead))
            {
                Volatile.Write(ref lookForDead, true);
                bell.Ring();
            }
            if (isAlone)
                return; // what this process commits rings by itself
            var version = store.CommitVersion();
            if (version == polledVersion)
                return;
            polledVersion = version;
            bell.Ring();
        }
        catch (Exception failure)
        {
            // It must not reach the timer, where it would end the process. Taking will fail, too, and wait before it tries again.
            Log.PollingFailed(logger, failure);
            bell.Ring();
        }
        finally
        {
            Volatile.Write(ref polling, 0);
        }
    }

    private void LookForOthers()
    {
        if (!isAlone && !HasPassed(LookForOthersEvery, ref lookedForOthers))
            return;
        var wasAlone = isAlone;
        isAlone = !hasOtherProcesses();
        if (isAlone == wasAlone)
            return;
        Volatile.Write(ref lookForDead, true); // the others have ended, or have come and may have done much
        bell.Ring();
        var pace = isAlone ? AlonePollInterval : options.PollInterval;
        pollTimer.Change(pace, pace);
    }

    private bool HasPassed(TimeSpan interval, ref long since)
    {
        if (clock.GetElapsedTime(since) < interval)
            return false;
        since = clock.GetTimestamp();
        return true;
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
}
