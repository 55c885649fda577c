namespace Weir.Statistics;

/// <summary>What is counted of jobs. The names are columns of stored rows: add, never rename.</summary>
internal enum JobEvent
{
    /// <summary>Accepted as a new job, from outside or following from another.</summary>
    Submitted,

    /// <summary>Refused because there was no room; what was wrong with a request is not counted.</summary>
    Refused,

    /// <summary>An attempt has begun.</summary>
    Started,

    Succeeded,

    /// <summary>An attempt failed, and another follows.</summary>
    Retried,

    DeadLettered,
    Cancelled,
    Expired,
    Compensated,

    /// <summary>Not now: a copy of its message comes later, and no attempt is burnt.</summary>
    PutOff,
}
