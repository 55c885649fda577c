namespace Microsoft.DurableTask.Engine;

/// <summary>Stored as numbers: never renumber.</summary>
internal enum EventKind
{
    TurnStarted = 0,
    ExecutionStarted = 1,
    ActivityScheduled = 2,
    ActivityCompleted = 3,
    ActivityFailed = 4,
    TimerCreated = 5,
    TimerFired = 6,
    SubOrchestrationScheduled = 7,
    SubOrchestrationCompleted = 8,
    SubOrchestrationFailed = 9,
    EventRaised = 10,
    EventSent = 11,
}

/// <summary>
/// One fact of an instance's past. A turn adds TurnStarted (its time), the messages that it took, then what the code asked for.
/// Payload is an input, a result, an event's data or a <see cref="Failure"/>, as JSON.
/// </summary>
internal sealed record HistoryEvent(EventKind Kind, int TaskId, string? Name, string? Payload, long AtTicks)
{
    public const int NoTask = -1;

    public DateTime At => new(AtTicks, DateTimeKind.Utc);

    /// <summary>Whether this says what the code asked for, rather than what happened to it.</summary>
    public bool IsAsked =>
        Kind is EventKind.ActivityScheduled or EventKind.TimerCreated or EventKind.SubOrchestrationScheduled or EventKind.EventSent;

    /// <summary>What was asked, in the words of the non-determinism error.</summary>
    public static string Describe(EventKind kind, int taskId, string? name) => kind switch
    {
        EventKind.ActivityScheduled => $"a call of activity '{name}' (task {taskId})",
        EventKind.TimerCreated => $"a timer (task {taskId})",
        EventKind.SubOrchestrationScheduled => $"a call of sub-orchestration '{name}' (task {taskId})",
        EventKind.EventSent => $"an event '{name}' sent (task {taskId})",
        _ => $"{kind} (task {taskId})",
    };
}
