namespace Weir;

/// <summary>Where a job stands. Everything from <see cref="Succeeded"/> on is final.</summary>
public enum JobState
{
    Scheduled,
    Queued,
    Running,
    Retrying,
    Waiting,
    Compensating,
    Held,

    Succeeded,
    DeadLettered,
    Cancelled,
    Expired,
    Compensated,
}

public static class JobStates
{
    public static bool IsFinal(this JobState state) => state >= JobState.Succeeded;
}
