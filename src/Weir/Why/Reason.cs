namespace Weir.Why;

/// <summary>Why a job that has not ended does not run at this moment, or what it does. The names are part of the API: add, never rename.</summary>
internal enum ReasonKind
{
    /// <summary>An attempt is under way.</summary>
    Running,

    /// <summary>The instance that ran it has disappeared; the next attempt comes when its message does.</summary>
    WorkerLost,

    /// <summary>It is not to begin before its time.</summary>
    Scheduled,

    /// <summary>An attempt failed, and the next one's time has not come.</summary>
    Retrying,

    /// <summary>It was not to run when its turn came: a breaker, a limit, another owner, a newer version.</summary>
    PutOff,

    /// <summary>Others of its lane come first.</summary>
    BehindInLane,

    /// <summary>It is the first of its lane, and no instance has a slot for that yet.</summary>
    NextInLane,

    /// <summary>An earlier job of its ordering key has not ended well.</summary>
    OrderingKey,

    /// <summary>Another job holds its unique key.</summary>
    UniqueKey,

    /// <summary>A control keeps it from starting: its queue, its type or its tenant is paused.</summary>
    Paused,

    /// <summary>Its batch is paused.</summary>
    BatchPaused,

    /// <summary>The workflow waits for an event.</summary>
    WaitingForEvent,

    /// <summary>The workflow waits for a time of its own.</summary>
    Delayed,

    /// <summary>The workflow waits for a child job.</summary>
    WaitingForChild,

    /// <summary>A step failed, or its undoing, and its next try's time has not come.</summary>
    StepRetrying,

    /// <summary>What was done is being undone.</summary>
    Compensating,

    /// <summary>It was queued a moment ago.</summary>
    JustQueued,

    /// <summary>More lies before it in its queue than is looked through.</summary>
    DeepInQueue,

    /// <summary>It has no message: the reconciler will send one.</summary>
    MessageMissing,
}

/// <summary>The answer to "why is this job not running?": one reason, in words for a reader and in fields for a program.</summary>
/// <param name="Detail">A sentence or two.</param>
internal sealed record Reason(ReasonKind Kind, string Detail)
{
    /// <summary>When it is expected to go on; null when nobody can say.</summary>
    public DateTimeOffset? ExpectedAt { get; init; }

    /// <summary>Since when it is so.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The job that it waits for, or that has the lane.</summary>
    public string? JobId { get; init; }

    /// <summary>The instance that runs it, or the job before it.</summary>
    public string? Instance { get; init; }

    /// <summary>How many messages of its lane come first.</summary>
    public int? Ahead { get; init; }

    /// <summary>The step of a workflow.</summary>
    public string? Step { get; init; }
}
