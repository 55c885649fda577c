using Microsoft.DurableTask.Client;
using Microsoft.Extensions.Logging;
using Weir.Receipts;
using Weir.Retries;

namespace Weir.Workflows;

/// <summary>
/// Looks after orchestrations that have ended. One that failed or was terminated could not record its job's end: it is recorded here, with what the orchestration says. One that completed
/// has nothing more to say; its history goes, after a while in which somebody may still want to look at it.
/// </summary>
public sealed partial class WorkflowSweep
{
    private const int MostInRun = 5_000;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan KeptFor = TimeSpan.FromHours(1);

    private readonly Orchestrations orchestrations;
    private readonly WorkflowEndings endings;
    private readonly TimeProvider clock;
    private readonly ILogger<WorkflowSweep> logger;

    internal WorkflowSweep(Orchestrations orchestrations, WorkflowEndings endings, TimeProvider clock, ILogger<WorkflowSweep> logger) =>
        (this.orchestrations, this.endings, this.clock, this.logger) = (orchestrations, endings, clock, logger);

    /// <summary>One run. What it does is safe to do twice, and at once.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        var lost = await ForEachAsync([OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated], createdTo: null, started, EndAsync, cancellation);
        if (lost > 0)
            LogLost(lost);
        await ForEachAsync([OrchestrationRuntimeStatus.Completed], clock.GetUtcNow() - KeptFor, started, (_, _, _) => Task.CompletedTask, cancellation);
    }

    private async Task<int> ForEachAsync(
        OrchestrationRuntimeStatus[] statuses, DateTimeOffset? createdTo, long started, Func<WorkflowRun, OrchestrationMetadata, CancellationToken, Task> finish, CancellationToken cancellation)
    {
        var count = 0;
        var query = new OrchestrationQuery(CreatedTo: createdTo, Statuses: statuses, FetchInputsAndOutputs: true);
        await foreach (var one in orchestrations.Client.GetAllInstancesAsync(query).WithCancellation(cancellation))
        {
            // Others may have orchestrations of their own in this task hub.
            if (one.Name != WorkflowFunctions.RunWorkflow || Orchestrations.RunOf(one.InstanceId) is not { } run)
                continue;
            await finish(run, one, cancellation);
            await orchestrations.Client.PurgeInstanceAsync(one.InstanceId, cancellation);
            if (++count == MostInRun || clock.GetElapsedTime(started) > Limit)
                break;
        }
        return count;
    }

    private Task EndAsync(WorkflowRun run, OrchestrationMetadata lost, CancellationToken cancellation)
    {
        var error = lost.FailureDetails is { } failure
            ? new JobError(ErrorClass.Permanent, failure.ErrorType, $"Orchestration {lost.InstanceId} ({lost.Name}) failed: {failure.ErrorMessage}", failure.StackTrace)
            : new JobError(ErrorClass.Permanent, "Terminated", $"Orchestration {lost.InstanceId} ({lost.Name}) was terminated.", Stack: null);
        return endings.EndLostAsync(run, error, cancellation);
    }

    [LoggerMessage(606, LogLevel.Error, "{Count} orchestrations had failed or were terminated; their jobs are in the dead letters")]
    private partial void LogLost(int count);
}
