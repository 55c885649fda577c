using System.Globalization;
using DurableTask.Core.Exceptions;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>
/// The orchestrations of this deployment's workflows. The Functions host gives its client only to an invocation, and the same one to each; so every function
/// that may come to need it hands it in first.
/// </summary>
public sealed class Orchestrations
{
    /// <summary>The event by which an orchestration learns that its job is to be cancelled.</summary>
    internal const string Cancel = "weir.cancel";

    /// <summary>The event by which it learns that a child job has ended.</summary>
    internal const string ChildEnded = "weir.child.";

    /// <summary>The lease of an orchestration never ends: it outlives every instance.</summary>
    internal static readonly DateTimeOffset Endless = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string OwnerPrefix = "workflow:";

    /// <summary>A UUID with dashes.</summary>
    private const int JobIdLength = 36;

    /// <summary>In whatever state an orchestration of that id is, a second start must not replace it: it has run, or runs, or will.</summary>
    private static readonly OrchestrationRuntimeStatus[] Every = [.. StartOrchestrationOptionsExtensions.ValidDedupeStatuses];

    private volatile DurableTaskClient? client;

    public void Use(DurableTaskClient current) => client = current;

    /// <summary>Null before the first function has handed it in.</summary>
    internal DurableTaskClient? Known => client;

    internal DurableTaskClient Client =>
        client ?? throw new InvalidOperationException("A workflow is to be started or told something, but the function that does it has no [DurableClient].");

    internal static string OwnerOf(string jobId, int run) => OwnerPrefix + InstanceOf(jobId, run);

    internal static bool IsOwner(string owner) => owner.StartsWith(OwnerPrefix, StringComparison.Ordinal);

    /// <summary>The id of a run's orchestration: the job's, and for a replay its number.</summary>
    internal static string InstanceOf(string jobId, int run) => run == 0 ? jobId : string.Create(CultureInfo.InvariantCulture, $"{jobId}-{run}");

    /// <summary>The run whose orchestration has this id; null when it is none of ours.</summary>
    internal static WorkflowRun? RunOf(string instanceId)
    {
        if (instanceId.Length < JobIdLength || !Submission.JobId.IsWellFormed(instanceId[..JobIdLength]))
            return null;
        if (instanceId.Length == JobIdLength)
            return new WorkflowRun(instanceId, 0);
        return instanceId[JobIdLength] == '-' && int.TryParse(instanceId.AsSpan(JobIdLength + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var run)
            ? new WorkflowRun(instanceId[..JobIdLength], run)
            : null;
    }

    /// <summary>Sees to it that the run has its orchestration. Called again it changes nothing.</summary>
    internal async Task StartAsync(string jobId, int run, CancellationToken cancellation)
    {
        try
        {
            var options = new StartOrchestrationOptions(InstanceOf(jobId, run)).WithDedupeStatuses(Every);
            await Client.ScheduleNewOrchestrationInstanceAsync(WorkflowFunctions.RunWorkflow, new WorkflowRun(jobId, run), options, cancellation);
        }
        catch (OrchestrationAlreadyExistsException)
        {
            // Started before; whatever has become of it since is on the receipt, or will be.
        }
    }

    /// <summary>Tells the job's orchestration something. One that has ended, or is not there yet, does not hear it.</summary>
    internal Task TellAsync(Receipt receipt, string name, CancellationToken cancellation) => Client.RaiseEventAsync(receipt.OrchestrationId, name, "", cancellation);
}
