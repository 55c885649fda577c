using System.Collections.Frozen;
using System.Diagnostics;
using Microsoft.Extensions.Configuration;

namespace Weir.Execution;

/// <summary>
/// Places between two steps of a job's life where a test can end the process as kill -9 would: <c>Weir:KillPoint=submit.receipt</c>, in
/// development only. Everywhere else passing one costs a comparison.
/// </summary>
internal sealed class KillPoints
{
    public const string AfterReceipt = "submit.receipt";
    public const string AfterSend = "submit.send";
    public const string InHandler = "run.handler";
    public const string AfterHandler = "run.handled";
    public const string AfterOutcome = "run.outcome";
    public const string AfterRetrySent = "run.retry-sent";
    public const string AfterCallback = "end.callback";
    public const string AfterEvent = "end.event";

    public const string AfterKeptPayload = "collect.payload";
    public const string AfterEndRecorded = "collect.end";
    public const string AfterCatalogueEntry = "collect.entry";
    public const string AfterCollected = "collect.receipt";
    public const string AfterReplayRecorded = "replay.receipt";
    public const string AfterReplaySent = "replay.send";

    public const string AfterReplayPlanned = "replays.planned";
    public const string AfterReplayBegun = "replays.begun";
    public const string AfterReplayIntended = "replays.intended";
    public const string AfterReplayQueued = "replays.queued";
    public const string AfterReplayEnded = "replays.ended";

    public const string AfterBlocked = "order.blocked";
    public const string AfterHeld = "order.held";
    public const string AfterParked = "order.parked";
    public const string AfterPromoted = "order.promoted";
    public const string AfterReleaseSent = "order.release-sent";

    public const string AfterUnique = "submit.unique";
    public const string AfterSuperseded = "unique.superseded";
    public const string AfterHandOn = "unique.handed-on";
    public const string AfterCancel = "cancel.recorded";
    public const string AfterExpiry = "expire.recorded";

    public const string AfterWorkflowClaim = "workflow.claim";
    public const string AfterWorkflowStart = "workflow.start";
    public const string AfterPlan = "workflow.plan";
    public const string InStep = "step.begun";
    public const string AfterStep = "step.run";
    public const string AfterStepRecorded = "step.recorded";
    public const string InUndo = "undo.begun";
    public const string AfterUndo = "undo.run";
    public const string AfterUndoRecorded = "undo.recorded";
    public const string AfterWaitOpened = "wait.opened";
    public const string AfterEventRecorded = "wait.event";
    public const string AfterWaitClosed = "wait.closed";
    public const string AfterWorkflowOutcome = "workflow.outcome";
    public const string AfterWorkflowFollowed = "workflow.followed";

    public const string AfterDecided = "schedule.decided";
    public const string AfterReplaced = "schedule.replaced";
    public const string AfterFired = "schedule.fired";
    public const string AfterAdvanced = "schedule.advanced";

    public const string AfterResendMarked = "reconcile.marked";
    public const string AfterFinding = "reconcile.finding";
    public const string AfterResent = "reconcile.sent";

    public const string AfterSlotGivenBack = "limit.given-back";

    public const string AfterBatchRow = "batch.row";
    public const string AfterBatchItems = "batch.items";
    public const string AfterBatchAccepted = "batch.accepted";
    public const string AfterBatchCounted = "batch.counted";
    public const string AfterBatchCompleted = "batch.completed";
    public const string AfterBatchCompletionSent = "batch.completion-sent";
    public const string AfterBatchHeld = "batch.held";
    public const string AfterBatchPaused = "batch.paused";
    public const string AfterBatchResumed = "batch.resumed";
    public const string AfterBatchCancelled = "batch.cancelled";
    public const string AfterBatchRetried = "batch.retried";

    public const string AfterPollTaken = "pressure.taken";
    public const string AfterPolled = "pressure.polled";
    public const string AfterCounted = "statistics.written";
    public const string AfterHeldReleased = "hold.released";
    public const string AfterControlHeld = "control.held";
    public const string AfterControlMarked = "control.marked";
    public const string AfterControlAudited = "control.audited";
    public const string AfterControlWritten = "control.written";
    public const string AfterControlReleased = "control.released";

    private const string Setting = "Weir:KillPoint";

    private static readonly FrozenSet<string> Known = FrozenSet.Create(StringComparer.Ordinal, AfterReceipt, AfterSend, InHandler, AfterHandler, AfterOutcome, AfterRetrySent,
        AfterKeptPayload, AfterEndRecorded, AfterCatalogueEntry, AfterCollected, AfterReplayRecorded, AfterReplaySent,
        AfterReplayPlanned, AfterReplayBegun, AfterReplayIntended, AfterReplayQueued, AfterReplayEnded,
        AfterBlocked, AfterHeld, AfterParked, AfterPromoted, AfterReleaseSent,
        AfterUnique, AfterSuperseded, AfterHandOn, AfterCancel, AfterExpiry, AfterCallback, AfterEvent,
        AfterWorkflowClaim, AfterWorkflowStart, AfterPlan, InStep, AfterStep, AfterStepRecorded, InUndo, AfterUndo, AfterUndoRecorded,
        AfterWaitOpened, AfterEventRecorded, AfterWaitClosed, AfterWorkflowOutcome, AfterWorkflowFollowed,
        AfterDecided, AfterReplaced, AfterFired, AfterAdvanced,
        AfterResendMarked, AfterFinding, AfterResent, AfterSlotGivenBack,
        AfterPollTaken, AfterPolled, AfterCounted,
        AfterBatchRow, AfterBatchItems, AfterBatchAccepted, AfterBatchCounted, AfterBatchCompleted, AfterBatchCompletionSent,
        AfterBatchHeld, AfterBatchPaused, AfterBatchResumed, AfterHeldReleased, AfterBatchCancelled, AfterBatchRetried,
        AfterControlHeld, AfterControlMarked, AfterControlAudited, AfterControlWritten, AfterControlReleased);

    private string? armed;

    /// <exception cref="InvalidOperationException">The setting names no kill point, or this is not development.</exception>
    public KillPoints(IConfiguration configuration, bool development)
    {
        armed = configuration[Setting];
        if (armed is null)
            return;
        if (!development)
            throw new InvalidOperationException($"{Setting} is set, but kill points exist in development only.");
        if (!Known.Contains(armed))
            throw new InvalidOperationException($"{Setting} is '{armed}'; expected one of {string.Join(", ", Known.Order())}.");
    }

    /// <summary>For tests: the next time that this one is passed is the last.</summary>
    /// <exception cref="ArgumentException">There is no such point.</exception>
    public void Arm(string point) =>
        armed = Known.Contains(point) ? point : throw new ArgumentException($"'{point}' is no kill point; expected one of {string.Join(", ", Known.Order())}.", nameof(point));

    /// <summary>What happens there. A test that has several instances in one process lets the one end that passes it.</summary>
    public Action Die { get; set; } = static () => Process.GetCurrentProcess().Kill();

    public void Pass(string point)
    {
        if (armed == point)
            Die();
    }
}
