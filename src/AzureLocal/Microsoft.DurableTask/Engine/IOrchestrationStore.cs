using Microsoft.DurableTask.Client;

namespace Microsoft.DurableTask.Engine;

/// <summary>
/// Everything that engine and client do to storage, one transaction a method: what a simulation puts its faults round
/// (<see cref="EngineOptions.DecorateStore"/>). Whatever fails may have been done all the same; each can be repeated.
/// </summary>
internal interface IOrchestrationStore
{
    /// <summary>Whether other processes may change the store, so that it must be polled.</summary>
    bool IsShared { get; }

    /// <summary>A number that is another one after any commit.</summary>
    long CommitVersion();

    Task<StartResult> StartAsync(NewInstance instance, CancellationToken cancellation);

    Task RaiseEventAsync(string instanceId, string name, string? payload, CancellationToken cancellation);

    Task TerminateAsync(string instanceId, string? output, bool recursive, CancellationToken cancellation);

    Task SuspendAsync(string instanceId, CancellationToken cancellation);

    Task ResumeAsync(string instanceId, CancellationToken cancellation);

    Task<InstanceRow?> GetAsync(string instanceId, bool withPayloads, CancellationToken cancellation);

    /// <summary>In the order of their ids, after <see cref="InstanceFilter.AfterId"/>.</summary>
    Task<IReadOnlyList<InstanceRow>> QueryAsync(InstanceFilter filter, CancellationToken cancellation);

    /// <summary>Null when there is no such instance; otherwise its status, and it is gone if that is final.</summary>
    Task<OrchestrationRuntimeStatus?> PurgeAsync(string instanceId, CancellationToken cancellation);

    /// <summary>Removes up to <see cref="InstanceFilter.Limit"/> finished instances; the answer is how many.</summary>
    Task<int> PurgeAsync(InstanceFilter filter, CancellationToken cancellation);

    /// <summary>Frees locks that have ended, then locks what is ready, up to the numbers asked for.</summary>
    Task<Work> TakeAsync(TakeRequest request, CancellationToken cancellation);

    /// <summary>The events from number <paramref name="known"/> on, and the messages that wait, oldest first.</summary>
    Task<TurnInput> ReadTurnAsync(TurnWork work, int known, CancellationToken cancellation);

    /// <summary>
    /// All of a turn's outcome, and frees the instance. Of the activities that the turn asked for it locks as many as
    /// <paramref name="next"/> has room for: that saves the engine a transaction to take them.
    /// </summary>
    Task<TurnCommit> CommitTurnAsync(TurnOutcome outcome, Room next, CancellationToken cancellation);

    /// <summary>Hands the instance the result and, with room for it, locks the turn that is due then.</summary>
    Task<ActivityCommit> CompleteActivityAsync(
        ActivityWork work, EventKind kind, string? payload, Room next, CancellationToken cancellation);

    /// <summary>Frees what this engine holds, so that it or another can take it at once.</summary>
    Task HandBackAsync(IReadOnlyCollection<TurnWork> turns, IReadOnlyCollection<ActivityWork> activities, CancellationToken cancellation);

    /// <summary>Locks activities for longer; the answer names those that are locked no more.</summary>
    Task<IReadOnlyList<ActivityWork>> RenewAsync(
        IReadOnlyCollection<ActivityWork> activities, TimeSpan lockDuration, CancellationToken cancellation);
}

/// <param name="RefuseIn">One bit for each status in which an existing instance of this id refuses the new one.</param>
internal sealed record NewInstance(
    string Id,
    string Name,
    string Version,
    string? Input,
    IReadOnlyDictionary<string, string>? Tags,
    DateTimeOffset? StartAt,
    int RefuseIn);

/// <param name="Existing">Its status, if the instance that exists refused.</param>
internal readonly record struct StartResult(OrchestrationRuntimeStatus? Existing);

internal sealed record InstanceRow(
    string Id,
    string Name,
    OrchestrationRuntimeStatus Status,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    string? Input,
    string? Output,
    string? CustomStatus,
    string? FailureJson,
    string? TagsJson);

/// <param name="StatusBits">One bit for each status wanted.</param>
internal sealed record InstanceFilter(
    DateTimeOffset? CreatedFrom, DateTimeOffset? CreatedTo, int StatusBits, string Prefix, string AfterId, int Limit, bool WithPayloads);

/// <param name="ProcessId">Under which work is locked.</param>
/// <param name="Accepts">Whether instances of that version are for this engine.</param>
/// <param name="IsAlive">Given when the locks of dead processes are to be freed, too.</param>
internal sealed record TakeRequest(
    string ProcessId, int MaxTurns, int MaxActivities, TimeSpan LockDuration, Func<string, bool> Accepts, Func<string, bool>? IsAlive);

/// <param name="NextDue">When there will be something to take or to free that is not yet due now.</param>
internal sealed record Work(IReadOnlyList<TurnWork> Turns, IReadOnlyList<ActivityWork> Activities, DateTimeOffset? NextDue);

/// <summary>
/// A locked instance. <paramref name="Execution"/> is new with every start, replacement and continue-as-new, so that what comes late
/// for an old one finds nobody; <paramref name="Epoch"/> is new with every lock.
/// </summary>
internal sealed record TurnWork(
    long Execution, long Epoch, string InstanceId, string Name, string Version, long? Parent, string? ParentName, string? ParentId);

internal sealed record ActivityWork(
    long Execution, int TaskId, long Epoch, string Name, string InstanceId, string Version, string? Input);

/// <summary>For how much more the engine has room, and under which name and for how long to lock it.</summary>
internal readonly record struct Room(int Count, string ProcessId, TimeSpan LockDuration);

/// <param name="IsDone">False, and nothing done, when the turn no longer held the lock: terminated, purged, or the lock had ended.</param>
internal readonly record struct TurnCommit(bool IsDone, IReadOnlyList<ActivityWork> Taken);

/// <param name="IsDone">False, and nothing done, when nobody waits for the result or another has given it.</param>
internal readonly record struct ActivityCommit(bool IsDone, TurnWork? Taken);

internal sealed record TurnInput(IReadOnlyList<HistoryEvent> History, IReadOnlyList<Message> Messages);

internal readonly record struct Message(long Sequence, HistoryEvent Event);

/// <summary>What a turn changes.</summary>
internal sealed record TurnOutcome(TurnWork Work)
{
    /// <summary>How many events the history has before this turn.</summary>
    public required int KnownEvents { get; init; }

    public required IReadOnlyList<HistoryEvent> NewEvents { get; init; }

    /// <summary>The messages taken, by number.</summary>
    public required IReadOnlyList<long> Taken { get; init; }

    public IReadOnlyList<Asked> Asked { get; init; } = [];

    public IReadOnlyList<int> CancelledTimers { get; init; } = [];

    public string? CustomStatus { get; init; }

    /// <summary>Running, Completed or Failed.</summary>
    public OrchestrationRuntimeStatus Status { get; init; } = OrchestrationRuntimeStatus.Running;

    public string? Output { get; init; }

    public string? FailureJson { get; init; }

    public Restart? Restart { get; init; }
}

/// <summary>Something that the code asked for.</summary>
internal sealed record Asked(EventKind Kind, int TaskId, string? Name, string? Payload)
{
    /// <summary>Whom a sub-orchestration call or an event goes to.</summary>
    public string? InstanceId { get; init; }

    public string? Version { get; init; }

    public DateTime DueAt { get; init; }

    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

/// <summary>Continue-as-new: the same instance with a new input and no past but the events that nobody has waited for yet.</summary>
internal sealed record Restart(string? Input, string? Version, IReadOnlyList<HistoryEvent> KeptEvents);
