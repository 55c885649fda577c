using System.Text.Json;
using Azure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Receipts;
using Weir.Retries;
using Weir.Statistics;

namespace Weir.Workflows;

/// <summary>
/// The end of a run: outcome on the receipt, if the run still has it → what follows an end, and for a dead letter its entry in the catalogue. Called again after a crash it
/// finds its outcome and does what is missing.
/// </summary>
internal sealed partial class WorkflowEndings(
    ReceiptTable receipts, JobCatalog catalog, JobEndings endings, DeadLetterCollector collector, IServiceScopeFactory scopes, ILoggerFactory loggers, KillPoints kill, JobStatistics statistics, TimeProvider clock, ILogger<WorkflowEndings> logger)
{
    private const int MaxTries = 5;

    public Task EndAsync(WorkflowEnd end, CancellationToken cancellation) => EndAsync(new WorkflowRun(end.JobId, end.Run), workflow => OutcomeOf(workflow, end), cancellation);

    /// <summary>The workflow could not even begin.</summary>
    public Task EndBrokenAsync(WorkflowRun run, Exception broken, CancellationToken cancellation) => EndAsync(run, _ =>
        Task.FromResult(new Outcome(JobState.DeadLettered, JobError.From(ErrorClass.Permanent, broken)) { Reason = broken is JsonException ? DeadLetterReason.Contract : DeadLetterReason.Permanent }), cancellation);

    /// <summary>The orchestration has ended by itself: it came to differ from its history, or somebody terminated it.</summary>
    public Task EndLostAsync(WorkflowRun run, JobError error, CancellationToken cancellation) => EndAsync(run, _ =>
        Task.FromResult(new Outcome(JobState.DeadLettered, error) { Reason = DeadLetterReason.OrchestrationFailed }), cancellation);

    /// <summary>What follows the end of a run that has one.</summary>
    public async Task FollowAsync(WorkflowRun run, CancellationToken cancellation)
    {
        if (await receipts.ReadWorkflowAsync(run.JobId, cancellation) is { } workflow && workflow.Receipt.Replays == run.Run && workflow.Receipt.State.IsFinal())
            await FollowAsync(workflow, cancellation);
    }

    private async Task EndAsync(WorkflowRun run, Func<WorkflowRecord, Task<Outcome>> decide, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await receipts.ReadWorkflowAsync(run.JobId, cancellation) is not { } workflow || workflow.Receipt.Replays != run.Run)
                return;
            if (workflow.Receipt.State.IsFinal())
            {
                await FollowAsync(workflow, cancellation);
                return;
            }
            if (!StepRuns.IsCurrent(workflow.Receipt, run.JobId, run.Run))
                return;

            var outcome = await decide(workflow);
            if (await WriteAsync(workflow.Receipt, outcome, cancellation) is null)
                continue;
            kill.Pass(KillPoints.AfterWorkflowOutcome);
            statistics.Ended(EventOf(outcome.State), workflow.Receipt.ToMessage(default), workflow.Receipt.Queue, outcome.State == JobState.DeadLettered ? outcome.Reason : null);
            LogEnded(run.JobId, workflow.Receipt.Type, outcome.State, outcome.Error?.Type ?? "no error");
        }
        throw new TimeoutException($"The receipt of job {run.JobId} changed {MaxTries} times while its end was being recorded.");
    }

    /// <summary>All of it may be done twice.</summary>
    private async Task FollowAsync(WorkflowRecord workflow, CancellationToken cancellation)
    {
        if (workflow.Receipt is { State: JobState.DeadLettered, IsCollected: false })
            await collector.CollectEndedAsync(workflow.Job, cancellation);
        else
            await endings.AfterAsync(workflow.Receipt.ToMessage(default), workflow.Receipt.State, [], cancellation, workflow.Receipt.FinishedAt);
        kill.Pass(KillPoints.AfterWorkflowFollowed);
    }

    private async Task<Outcome> OutcomeOf(WorkflowRecord workflow, WorkflowEnd end)
    {
        if (end.NotUndone.Count > 0)
            return new Outcome(JobState.DeadLettered, NotUndone(workflow, end)) { Reason = DeadLetterReason.CompensationFailed };
        if (end.Cancelled)
            return new Outcome(JobState.Cancelled, Error: null);
        if (end.FailedStep is not null)
            return new Outcome(JobState.Compensated, workflow.Find(StepRecord.StepPrefix, end.FailedStep)?.Error);
        // Replayed to undo what was left, and it is undone.
        if (workflow.Steps.Any(step => step.IsUndo))
            return new Outcome(JobState.Compensated, workflow.Steps.FirstOrDefault(step => step is { IsUndo: false, State: StepState.Failed })?.Error);
        return await ResultOf(workflow);
    }

    /// <summary>The error of the first undoing that failed, and why there was something to undo.</summary>
    private static JobError NotUndone(WorkflowRecord workflow, WorkflowEnd end)
    {
        var first = workflow.Find(StepRecord.UndoPrefix, end.NotUndone[0])?.Error ?? new JobError(ErrorClass.Unknown, "CompensationFailed", "It left no error.", Stack: null);
        var why = end.Cancelled ? "the job was cancelled"
            : end.FailedStep is { } failed ? $"the step '{failed}' failed: {workflow.Find(StepRecord.StepPrefix, failed)?.Error?.Message}"
            : "an earlier run could not undo it";
        return first with { Message = Cut($"{string.Join(", ", end.NotUndone.Select(step => $"'{step}'"))} could not be undone: {first.Message} It was to be undone because {why}") };
    }

    private async Task<Outcome> ResultOf(WorkflowRecord workflow)
    {
        try
        {
            if (catalog.Find(workflow.Receipt.Type) is not WorkflowType type)
                throw new InvalidWorkflowException($"'{workflow.Receipt.Type}' is no workflow in this build.");
            await using var scope = scopes.CreateAsyncScope();
            var (payload, definition) = type.Define(scope.ServiceProvider, workflow.Receipt.Version, workflow.Payload);
            var source = new StepSource(payload, workflow.Receipt, "result", workflow.Results, clock, loggers.CreateLogger(type.Name), CancellationToken.None);
            var result = definition.Result?.Invoke(source);
            var json = result is null ? [] : JsonSerializer.SerializeToUtf8Bytes(result, result.GetType(), ContractJson.Options);
            if (json.Length > Submission.JobSubmission.MaxPayload)
                throw new PermanentException($"The result has {json.Length:N0} bytes as JSON; the most is {Submission.JobSubmission.MaxPayload:N0}.");
            return new Outcome(JobState.Succeeded, Error: null) { Result = json };
        }
        catch (Exception failure)
        {
            // All its steps are done, so there is nothing to undo: only what it says of itself is missing. A replay says it again.
            return new Outcome(JobState.DeadLettered, JobError.From(ErrorClass.Permanent, failure)) { Reason = DeadLetterReason.Permanent };
        }
    }

    private Task<ETag?> WriteAsync(Receipt receipt, Outcome outcome, CancellationToken cancellation)
    {
        var attempted = outcome.State switch
        {
            JobState.Succeeded => AttemptOutcome.Succeeded,
            JobState.Cancelled => AttemptOutcome.Cancelled,
            _ => AttemptOutcome.Failed,
        };
        var attempt = new AttemptRecord(receipt.Attempt, receipt.StartedAt ?? receipt.SubmittedAt, clock.GetUtcNow(), receipt.Owner!, attempted, outcome.Error);
        return outcome.State switch
        {
            JobState.Succeeded => receipts.SucceedAsync(receipt.Id, receipt.ETag, attempt, outcome.Result, [], progress: null, cancellation),
            JobState.Cancelled => receipts.CancelRunningAsync(receipt.Id, receipt.ETag, attempt, cancellation),
            JobState.Compensated => receipts.CompensatedAsync(receipt.Id, receipt.ETag, attempt, cancellation),
            _ => receipts.DeadLetterAsync(receipt.Id, receipt.ETag, attempt, outcome.Reason, cancellation),
        };
    }

    private static JobEvent EventOf(JobState state) => state switch
    {
        JobState.Succeeded => JobEvent.Succeeded,
        JobState.Cancelled => JobEvent.Cancelled,
        JobState.Compensated => JobEvent.Compensated,
        _ => JobEvent.DeadLettered,
    };

    private static string Cut(string text) => text.Length <= 4_000 ? text : text[..4_000];

    private sealed record Outcome(JobState State, JobError? Error)
    {
        public string Reason { get; init; } = "";

        public ReadOnlyMemory<byte> Result { get; init; }
    }

    [LoggerMessage(605, LogLevel.Information, "Job {JobId} ({Type}) has ended: {State}, {Error}")]
    private partial void LogEnded(string jobId, string type, JobState state, string error);
}
