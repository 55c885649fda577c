using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>
/// What orchestrations call: all of a workflow that touches the world. Each may be called again with the same input, and then changes nothing; each throws only when it could not
/// be carried out, and is then called again.
/// </summary>
public sealed class WorkflowActivities
{
    private readonly WorkflowBeginnings beginnings;
    private readonly StepRuns steps;
    private readonly StepWaits waits;
    private readonly WorkflowEndings endings;
    private readonly ReceiptTable receipts;

    internal WorkflowActivities(WorkflowBeginnings beginnings, StepRuns steps, StepWaits waits, WorkflowEndings endings, ReceiptTable receipts) =>
        (this.beginnings, this.steps, this.waits, this.endings, this.receipts) = (beginnings, steps, waits, endings, receipts);

    public Task<WorkflowBegun> BeginAsync(WorkflowRun run, CancellationToken cancellation) => beginnings.BeginAsync(run, cancellation);

    /// <summary>A try of a step; or opens its wait.</summary>
    public Task<StepOutcome> RunStepAsync(StepCall call, CancellationToken cancellation) => steps.RunAsync(call, cancellation);

    public Task<StepOutcome> UndoStepAsync(StepCall call, CancellationToken cancellation) => steps.UndoAsync(call, cancellation);

    public Task<StepOutcome> CloseWaitAsync(StepCall call, CancellationToken cancellation) => waits.CloseAsync(call, cancellation);

    /// <summary>Shows that what was done is being undone.</summary>
    public async Task CompensateAsync(StepCall call, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= 5; tries++)
        {
            if (await receipts.FindAsync(call.JobId, cancellation) is not { } receipt || !StepRuns.IsCurrent(receipt, call.JobId, call.Run) || receipt.State == JobState.Compensating)
                return;
            if (await receipts.PlaceAsync(receipt, JobState.Compensating, Math.Max(receipt.Change, call.Change), cancellation) is not null)
                return;
        }
        throw new TimeoutException($"The receipt of job {call.JobId} changed too often to be written.");
    }

    public Task EndAsync(WorkflowEnd end, CancellationToken cancellation) => endings.EndAsync(end, cancellation);
}
