using System.Text.Json;
using Azure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Retries;
using Weir.Telemetry;

namespace Weir.Workflows;

/// <summary>
/// One try of a step, or of its undoing: row "running" → the step's code → row with what became of it. A call that comes again after a crash finds its own
/// outcome in the row and does nothing; a try that was cut off counts, and the next one begins. The policy is asked here and not in the orchestrator, so that it may
/// change while a workflow waits.
/// </summary>
internal sealed partial class StepRuns(
    ReceiptTable receipts, JobCatalog catalog, RetryPolicies policies, StepWaits waits, StepWork work, IServiceScopeFactory scopes, ILoggerFactory loggers, KillPoints kill, Instance instance,
    TimeProvider clock, ILogger<StepRuns> logger)
{
    private const int MostResult = 32_000;
    private const string Unknown = "UnknownStep";

    /// <summary>How soon a step is asked for again that this build does not have: a newer one may be on its way through the instances, or an older one on its way out.</summary>
    private static readonly TimeSpan UntilOtherBuild = TimeSpan.FromSeconds(30);

    /// <summary>For how long.</summary>
    private static readonly TimeSpan LongestUnknown = TimeSpan.FromHours(2);

    public Task<StepOutcome> RunAsync(StepCall call, CancellationToken stopping) => TryAsync(call, StepRecord.StepPrefix, stopping);

    public Task<StepOutcome> UndoAsync(StepCall call, CancellationToken stopping) => TryAsync(call, StepRecord.UndoPrefix, stopping);

    private async Task<StepOutcome> TryAsync(StepCall call, string prefix, CancellationToken stopping)
    {
        if (await receipts.ReadWorkflowAsync(call.JobId, stopping) is not { } workflow || !IsCurrent(workflow.Receipt, call.JobId, call.Run))
            return new StepOutcome(StepNext.Stale);
        var outcome = RecordedOf(workflow.Find(prefix, call.Step), call) ?? await TryAsync(workflow, call, prefix, stopping);
        return outcome with { CancelRequested = workflow.Receipt.CancelRequestedAt is not null };
    }

    /// <summary>Whether the run that asks still has the job.</summary>
    public static bool IsCurrent(Receipt receipt, string jobId, int run) => receipt.IsOrchestrated && receipt.Owner == Orchestrations.OwnerOf(jobId, run);

    /// <summary>What is on record already: of a step that is over in whatever run, or of this very call, which has come before.</summary>
    private static StepOutcome? RecordedOf(StepRecord? row, StepCall call) => row switch
    {
        null => null,
        { State: StepState.Done } => new StepOutcome(StepNext.Done),
        { State: StepState.Skipped or StepState.Late } => new StepOutcome(StepNext.Skipped),
        _ when row.Run != call.Run => null,
        { State: StepState.Failed } => new StepOutcome(StepNext.Failed),
        { State: StepState.Retrying } when row.Call == call.Call => new StepOutcome(StepNext.Again, row.Until),
        _ => null,
    };

    private async Task<StepOutcome> TryAsync(WorkflowRecord workflow, StepCall call, string prefix, CancellationToken stopping)
    {
        var scope = scopes.CreateAsyncScope();
        var handedOver = false;
        try
        {
            var before = workflow.Find(prefix, call.Step);
            if (Find(workflow, call.Step, scope.ServiceProvider) is not { } found)
                return await UnknownAsync(workflow, call, prefix, before, stopping);

            var (type, step, payload) = found;
            var begun = Begin(call, prefix, before);
            if (prefix == StepRecord.StepPrefix && step.Node.Kind is NodeKind.Event or NodeKind.Delay or NodeKind.Child)
                return await waits.OpenAsync(workflow, call, step, payload, before, begun, stopping);

            var policy = step.RetryPolicy is { } named ? policies.Named(named, $"the step '{step.Name}' of '{type.Name}'") : policies.Of(type, workflow.Receipt.Id, workflow.Receipt.Tenant);
            if (begun.Attempt > policy.Attempts)
                return await EndAsync(Lost(begun, before!), before!.ETag, stopping);
            if (await receipts.WriteStepAsync(begun, before?.ETag, stopping) is not { } etag)
                throw new StepFencedException(call.Step);

            kill.Pass(begun.IsUndo ? KillPoints.InUndo : KillPoints.InStep);
            handedOver = true;
            var ended = await RunOrHandBackAsync(scope, type, step, payload, workflow, begun, policy, etag, stopping);
            kill.Pass(begun.IsUndo ? KillPoints.AfterUndo : KillPoints.AfterStep);
            // Done is done, whatever stops meanwhile: what is not on record would be done again.
            return await EndAsync(ended, etag, CancellationToken.None);
        }
        finally
        {
            if (!handedOver)
                await scope.DisposeAsync();
        }
    }

    private (JobType Type, Step Step, object Payload)? Find(WorkflowRecord workflow, string name, IServiceProvider services)
    {
        if (catalog.Find(workflow.Receipt.Type) is not WorkflowType type || workflow.Receipt.Version > type.Version)
            return null;
        try
        {
            var (payload, definition) = type.Define(services, workflow.Receipt.Version, workflow.Payload);
            return definition.Find(name) is { } step ? (type, step, payload) : null;
        }
        catch (Exception broken) when (broken is InvalidWorkflowException or JsonException)
        {
            return null; // it could be listed when the job began
        }
    }

    private StepRecord Begin(StepCall call, string prefix, StepRecord? before) => new(call.JobId, prefix, call.Step)
    {
        State = StepState.Running,
        Run = call.Run,
        FirstRun = before?.FirstRun ?? call.Run,
        Call = call.Call,
        Attempt = (before?.Run == call.Run ? before.Attempt : 0) + 1,
        StartedAt = clock.GetUtcNow(),
        Instance = instance.Id,
        Order = call.Order,
        Error = before?.Error,
    };

    /// <summary>A stop in the midst of a step is not its failure: the row says so, and the try is not counted. If even that cannot be written, it is counted as lost.</summary>
    private async Task<StepRecord> RunOrHandBackAsync(
        AsyncServiceScope scope, JobType type, Step step, object payload, WorkflowRecord workflow, StepRecord begun, RetryPolicy policy, ETag etag, CancellationToken stopping)
    {
        try
        {
            return await RunAsync(scope, type, step, payload, workflow, begun, policy, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await receipts.WriteStepAsync(begun with { State = StepState.Retrying, Attempt = begun.Attempt - 1, Until = clock.GetUtcNow() }, etag, CancellationToken.None);
            throw;
        }
    }

    private async Task<StepRecord> RunAsync(
        AsyncServiceScope scope, JobType type, Step step, object payload, WorkflowRecord workflow, StepRecord begun, RetryPolicy policy, CancellationToken stopping)
    {
        using var span = Spans.Step(workflow.Receipt, begun.Name, begun.IsUndo, begun.Attempt);
        try
        {
            var skipped = false;
            var result = await work.RunAsync(scope, async ended =>
            {
                var source = SourceOf(type, payload, workflow, begun, ended);
                if (begun.IsUndo)
                    await step.UndoAsync(source);
                else if (step.IsWanted(source))
                    return await step.RunAsync(source);
                else
                    skipped = true;
                return null;
            }, step.TimeLimit ?? type.Timeout, stopping);
            return begun with { State = skipped ? StepState.Skipped : StepState.Done, FinishedAt = clock.GetUtcNow(), Result = JsonOf(result), Error = null };
        }
        catch (Exception failure) when (!(failure is OperationCanceledException && stopping.IsCancellationRequested))
        {
            span.Fail(failure);
            return Failed(begun, failure, policy);
        }
    }

    private StepSource SourceOf(JobType type, object payload, WorkflowRecord workflow, StepRecord begun, CancellationToken ended) =>
        new(payload, workflow.Receipt, begun.Name, workflow.Results, clock, loggers.CreateLogger(type.Name), ended)
        {
            Attempt = begun.Attempt,
            Run = begun.FirstRun,
            StartedAt = begun.StartedAt,
            IdempotencyKey = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{begun.JobId}:{begun.Name}:{begun.FirstRun}{(begun.IsUndo ? ":undo" : "")}"),
        };

    private StepRecord Failed(StepRecord begun, Exception failure, RetryPolicy policy)
    {
        var errorClass = ErrorClassifier.Classify(failure);
        var now = clock.GetUtcNow();
        var failed = begun with { State = StepState.Failed, FinishedAt = now, Error = JobError.From(errorClass, failure) };
        if (begun.Attempt >= policy.AttemptsFor(errorClass))
        {
            LogFailed(begun.IsUndo ? "The undoing of step" : "Step", begun.Name, begun.JobId, begun.Attempt, failed.Error.Type);
            return failed;
        }

        var delay = (failure as TransientException)?.RetryAfter ?? policy.DelayAfter($"{begun.JobId}:{begun.Prefix}{begun.Name}", begun.Attempt);
        LogRetrying(begun.IsUndo ? "The undoing of step" : "Step", begun.Name, begun.JobId, begun.Attempt, failed.Error.Type, delay.TotalSeconds);
        return failed with { State = StepState.Retrying, Until = now + delay };
    }

    /// <summary>Each try that the policy allows was begun and cut off by a crash; a further one would most likely end the next instance.</summary>
    private StepRecord Lost(StepRecord begun, StepRecord before) => begun with
    {
        State = StepState.Failed,
        Attempt = before.Attempt,
        StartedAt = before.StartedAt,
        FinishedAt = clock.GetUtcNow(),
        Error = new JobError(ErrorClass.Transient, "WorkerLost", $"The instance {before.Instance} did not end try {before.Attempt}, which was the last.", Stack: null),
    };

    /// <summary>Another build may have it. The row says so meanwhile, for whoever looks.</summary>
    private async Task<StepOutcome> UnknownAsync(WorkflowRecord workflow, StepCall call, string prefix, StepRecord? before, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var since = before?.Error?.Type == Unknown && before.Run == call.Run ? before.StartedAt : now;
        var message = $"This build's '{workflow.Receipt.Type}' has no step '{call.Step}', with which the job began. Deploy a build that has it, or cancel the job.";
        var row = Begin(call, prefix, before) with
        {
            State = now - since < LongestUnknown ? StepState.Retrying : StepState.Failed,
            Attempt = before?.Run == call.Run ? before.Attempt : 0,
            StartedAt = since,
            Until = now + UntilOtherBuild,
            Error = new JobError(ErrorClass.Permanent, Unknown, message, Stack: null),
        };
        LogUnknown(call.Step, workflow.Receipt.Type, call.JobId);
        return await EndAsync(row, before?.ETag, cancellation);
    }

    private async Task<StepOutcome> EndAsync(StepRecord ended, ETag? expected, CancellationToken cancellation)
    {
        if (await receipts.WriteStepAsync(ended, expected, cancellation) is null && !await IsOnRecordAsync(ended, cancellation))
            throw new StepFencedException(ended.Name);
        kill.Pass(ended.IsUndo ? KillPoints.AfterUndoRecorded : KillPoints.AfterStepRecorded);
        return ended.State switch
        {
            StepState.Done => new StepOutcome(StepNext.Done),
            StepState.Skipped => new StepOutcome(StepNext.Skipped),
            StepState.Retrying => new StepOutcome(StepNext.Again, ended.Until),
            _ => new StepOutcome(StepNext.Failed),
        };
    }

    /// <summary>Our own write, whose answer was lost.</summary>
    private async Task<bool> IsOnRecordAsync(StepRecord ended, CancellationToken cancellation) =>
        await receipts.ReadWorkflowAsync(ended.JobId, cancellation) is { } now && now.Find(ended.Prefix, ended.Name) is { } row
        && row.Instance == ended.Instance && row.Run == ended.Run && row.Call == ended.Call && row.Attempt == ended.Attempt && row.State == ended.State;

    private static string? JsonOf(object? result)
    {
        var json = result is null ? null : JsonSerializer.Serialize(result, result.GetType(), ContractJson.Options);
        return json?.Length > MostResult ? throw new PermanentException($"The step's result has {json.Length:N0} characters as JSON; a step holds {MostResult:N0}.") : json;
    }

    [LoggerMessage(601, LogLevel.Warning, "{What} '{Step}' of job {JobId} failed on try {Attempt} with {ErrorType}; the next one comes in {Seconds:0.0} s")]
    private partial void LogRetrying(string what, string step, string jobId, int attempt, string errorType, double seconds);

    [LoggerMessage(602, LogLevel.Error, "{What} '{Step}' of job {JobId} failed for good on try {Attempt}: {ErrorType}")]
    private partial void LogFailed(string what, string step, string jobId, int attempt, string errorType);

    [LoggerMessage(603, LogLevel.Error, "This build has no step '{Step}' of '{Type}', with which job {JobId} began; it is asked for again")]
    private partial void LogUnknown(string step, string type, string jobId);
}

/// <summary>Somebody else has begun or ended the step meanwhile; the orchestration asks again, and finds what became of it.</summary>
internal sealed class StepFencedException(string step) : Exception($"The step '{step}' was begun or ended elsewhere meanwhile; what this try did is not recorded.");
