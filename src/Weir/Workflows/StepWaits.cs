using Azure;
using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Receipts;
using Weir.Retries;

namespace Weir.Workflows;

/// <summary>
/// Steps that wait: for an event, a time, or a child job. Opened, the wait stands in the step's row, with its end; an event lies in a row of its own from the moment it was accepted, so
/// that one which came early is there when it is waited for. The row of an event is added once: by whoever sends it, or by the end of the wait, so that nobody's event is accepted and not used.
/// </summary>
internal sealed partial class StepWaits(ReceiptTable receipts, ChildJobs children, KillPoints kill, TimeProvider clock, ILogger<StepWaits> logger, ILoggerFactory loggers)
{
    /// <summary>A child job tells of its end; this is for the case that it could not.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMinutes(2);

    public async Task<StepOutcome> OpenAsync(WorkflowRecord workflow, StepCall call, Step step, object payload, StepRecord? before, StepRecord begun, CancellationToken cancellation)
    {
        var source = new StepSource(payload, workflow.Receipt, step.Name, workflow.Results, clock, loggers.CreateLogger(workflow.Receipt.Type), cancellation) { Run = begun.FirstRun, StartedAt = begun.StartedAt };
        var waiting = before is { State: StepState.Waiting } && before.Run == call.Run ? before with { Call = call.Call } : begun with { State = StepState.Waiting };
        try
        {
            if (before is not { State: StepState.Waiting } && !step.IsWanted(source))
                return await WriteAsync(begun with { State = StepState.Skipped, FinishedAt = clock.GetUtcNow() }, before?.ETag, StepNext.Skipped, cancellation);
            return step.Node.Kind switch
            {
                NodeKind.Event => await OpenEventAsync(workflow, call, step, before, waiting, cancellation),
                NodeKind.Delay => await WriteAsync(waiting with { Until = waiting.Until ?? clock.GetUtcNow() + step.Node.Wait!.Value }, before?.ETag, StepNext.Wait, cancellation),
                _ => await LookAtChildAsync(workflow, call, step, source, before, waiting, cancellation),
            };
        }
        catch (Exception failure) when (ErrorClassifier.Classify(failure) != ErrorClass.Transient && failure is not (OperationCanceledException or StepFencedException) && !StoreAway.Explains(failure))
        {
            // The author's code: a condition, or what makes a child's payload.
            var failed = waiting with { State = StepState.Failed, FinishedAt = clock.GetUtcNow(), Error = JobError.From(ErrorClass.Permanent, failure) };
            return await WriteAsync(failed, before?.ETag, StepNext.Failed, cancellation);
        }
    }

    /// <summary>The wait is over: its event has come, or its time.</summary>
    public async Task<StepOutcome> CloseAsync(StepCall call, CancellationToken cancellation)
    {
        if (await receipts.ReadWorkflowAsync(call.JobId, cancellation) is not { } workflow || !StepRuns.IsCurrent(workflow.Receipt, call.JobId, call.Run) || workflow.Find(StepRecord.StepPrefix, call.Step) is not { } row)
            return new StepOutcome(StepNext.Stale);
        var outcome = row.State switch
        {
            StepState.Done => new StepOutcome(StepNext.Done),
            StepState.Skipped or StepState.Late => new StepOutcome(StepNext.Skipped),
            StepState.Failed => new StepOutcome(StepNext.Failed),
            _ when PlanNode.Flatten(workflow.Plan).FirstOrDefault(one => one.Name == call.Step) is { Kind: NodeKind.Event } node => await CloseAsync(workflow, call, row, node.GoesOnWhenLate, cancellation),
            _ => await EndDelayAsync(call, row, cancellation),
        };
        return outcome with { CancelRequested = workflow.Receipt.CancelRequestedAt is not null };
    }

    private async Task<StepOutcome> OpenEventAsync(WorkflowRecord workflow, StepCall call, Step step, StepRecord? before, StepRecord waiting, CancellationToken cancellation)
    {
        if (workflow.TryFindEvent(step.Name, out var payload) && payload is not null)
            return await WriteAsync(waiting with { State = StepState.Done, Result = payload, FinishedAt = clock.GetUtcNow() }, before?.ETag, StepNext.Done, cancellation);

        waiting = waiting with { Until = waiting.Until ?? clock.GetUtcNow() + step.Node.Wait!.Value };
        await PlaceAsync(workflow.Receipt, call, waiting, before?.ETag, cancellation);
        kill.Pass(KillPoints.AfterWaitOpened);
        LogWaits(call.JobId, call.Step, waiting.Until.Value);
        return new StepOutcome(StepNext.Wait, waiting.Until);
    }

    private async Task<StepOutcome> CloseAsync(WorkflowRecord workflow, StepCall call, StepRecord row, bool goesOnWhenLate, CancellationToken cancellation)
    {
        var isKnown = workflow.TryFindEvent(call.Step, out var payload);
        if (!isKnown && !await receipts.AddEventAsync(call.JobId, call.Step, payload: null, clock.GetUtcNow(), cancellation))
            throw new StepFencedException(call.Step); // it comes at this very moment: asked again, we find it

        kill.Pass(KillPoints.AfterWaitClosed);
        var closed = row with { Call = call.Call, FinishedAt = clock.GetUtcNow() };
        closed = payload is not null ? closed with { State = StepState.Done, Result = payload }
            : goesOnWhenLate && !call.Stop ? closed with { State = StepState.Late }
            : closed with { State = StepState.Failed, Error = call.Stop ? Given(call.Step) : TooLate(row) };
        await PlaceAsync(workflow.Receipt, call, closed, row.ETag, cancellation);
        return new StepOutcome(closed.State switch { StepState.Done => StepNext.Done, StepState.Late => StepNext.Skipped, _ => StepNext.Failed });
    }

    private Task<StepOutcome> EndDelayAsync(StepCall call, StepRecord row, CancellationToken cancellation) => call.Stop
        ? WriteAsync(row with { State = StepState.Failed, Call = call.Call, FinishedAt = clock.GetUtcNow(), Error = Given(call.Step) }, row.ETag, StepNext.Failed, cancellation)
        : WriteAsync(row with { State = StepState.Done, Call = call.Call, FinishedAt = clock.GetUtcNow() }, row.ETag, StepNext.Done, cancellation);

    private async Task<StepOutcome> LookAtChildAsync(WorkflowRecord workflow, StepCall call, Step step, StepSource source, StepRecord? before, StepRecord waiting, CancellationToken cancellation)
    {
        var child = await children.FindOrSubmitAsync(workflow.Receipt, step, source, waiting, call.Stop, cancellation);
        if (child is not { } ended)
            return await WriteAsync(waiting with { Until = clock.GetUtcNow() + LookAgain }, before?.ETag, StepNext.Wait, cancellation);
        var closed = waiting with { FinishedAt = clock.GetUtcNow(), State = ended.Error is null ? StepState.Done : StepState.Failed, Result = ended.Result, Error = ended.Error };
        return await WriteAsync(closed, before?.ETag, ended.Error is null ? StepNext.Done : StepNext.Failed, cancellation);
    }

    private async Task<StepOutcome> WriteAsync(StepRecord row, ETag? expected, StepNext next, CancellationToken cancellation)
    {
        if (await receipts.WriteStepAsync(row, expected, cancellation) is null)
            throw new StepFencedException(row.Name);
        kill.Pass(KillPoints.AfterStepRecorded);
        return new StepOutcome(next, row.Until);
    }

    private async Task PlaceAsync(Receipt receipt, StepCall call, StepRecord row, ETag? expected, CancellationToken cancellation)
    {
        var state = receipt.Change >= call.Change || receipt.State == JobState.Compensating ? receipt.State : call.Waits ? JobState.Waiting : JobState.Running;
        if (!await receipts.PlaceStepAsync(receipt, state, Math.Max(receipt.Change, call.Change), row, expected, cancellation))
            throw new StepFencedException(call.Step);
    }

    private static JobError TooLate(StepRecord row) => new(ErrorClass.Permanent, "EventTooLate", $"The event '{row.Name}' had not come by {row.Until:O}.", Stack: null);

    private static JobError Given(string step) => new(ErrorClass.Permanent, "Stopped", $"The workflow was stopped while it waited for '{step}'.", Stack: null);

    [LoggerMessage(604, LogLevel.Information, "Job {JobId} waits for the event '{Event}' until {Until:O}")]
    private partial void LogWaits(string jobId, string @event, DateTimeOffset until);
}
