namespace Weir.Workflows;

/// <summary>The names by which orchestrations call what the function app serves. They stand in histories: never change one.</summary>
public static class WorkflowFunctions
{
    public const string RunWorkflow = "RunWorkflow";
    public const string BeginWorkflow = "BeginWorkflow";
    public const string RunStep = "RunStep";
    public const string UndoStep = "UndoStep";
    public const string CloseWait = "CloseWait";
    public const string CompensateWorkflow = "CompensateWorkflow";
    public const string EndWorkflow = "EndWorkflow";
}

/// <summary>One run of a workflow: the input of its orchestration.</summary>
/// <param name="Run">0, or which replay.</param>
public sealed record WorkflowRun(string JobId, int Run);

/// <summary>How a run begins.</summary>
public sealed record WorkflowBegun
{
    /// <summary>There is nothing to do: the job has ended, or another run has it.</summary>
    public bool IsOver { get; init; }

    /// <summary>The workflow cannot be run at all, and this is on record.</summary>
    public bool IsBroken { get; init; }

    public bool CancelRequested { get; init; }

    public IReadOnlyList<PlanNode> Plan { get; init; } = [];

    /// <summary>What earlier runs have done, and nobody has undone; last done first. A run that stops before it comes to them undoes them too.</summary>
    public IReadOnlyList<string> DoneBefore { get; init; } = [];

    /// <summary>An earlier run could not undo these, in the order in which that is to be done: nothing else is left. Null for a run from the start.</summary>
    public IReadOnlyList<string>? ToUndo { get; init; }
}

/// <summary>Asks for a try of a step, or of its undoing.</summary>
/// <param name="Call">Counts the calls for this step in this run, so that one which comes a second time is known by it.</param>
public sealed record StepCall(string JobId, int Run, string Step, int Call)
{
    /// <summary>Which change of the receipt's state this is, counted in the run.</summary>
    public int Change { get; init; }

    /// <summary>Whether the workflow waits for an event once this is done, or then no more.</summary>
    public bool Waits { get; init; }

    /// <summary>Nobody wants the step any more: its child job is to be cancelled, its wait given up.</summary>
    public bool Stop { get; init; }

    /// <summary>When an undoing comes, counted from 1.</summary>
    public int Order { get; init; }
}

/// <summary>What became of a try.</summary>
/// <param name="Next">What the orchestration does now.</param>
/// <param name="At">When, for <see cref="StepNext.Again"/> and <see cref="StepNext.Wait"/>.</param>
public sealed record StepOutcome(StepNext Next, DateTimeOffset? At = null)
{
    /// <summary>Somebody has asked for the job to be cancelled.</summary>
    public bool CancelRequested { get; init; }
}

public enum StepNext
{
    /// <summary>It is done: go on.</summary>
    Done,

    /// <summary>It was left out, or its condition did not hold.</summary>
    Skipped,

    /// <summary>It has failed for good.</summary>
    Failed,

    /// <summary>Try again, not before the given time.</summary>
    Again,

    /// <summary>Wait for an event, until the given time.</summary>
    Wait,

    /// <summary>The job belongs to another run, or has ended: give up.</summary>
    Stale,
}

/// <summary>How the run ends.</summary>
/// <param name="FailedStep">The first step that failed for good.</param>
/// <param name="NotUndone">The steps whose undoing failed for good.</param>
public sealed record WorkflowEnd(string JobId, int Run, bool Cancelled, string? FailedStep, IReadOnlyList<string> NotUndone);
