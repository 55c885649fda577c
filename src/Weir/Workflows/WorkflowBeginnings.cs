using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Receipts;
using Weir.Retries;

namespace Weir.Workflows;

/// <summary>The begin of a run: the plan is made and kept, or the one that was kept before is found; or it turns out that only undoings are left to do.</summary>
internal sealed partial class WorkflowBeginnings(ReceiptTable receipts, JobCatalog catalog, RetryPolicies policies, WorkflowEndings endings, IServiceScopeFactory scopes, KillPoints kill, ILogger<WorkflowBeginnings> logger)
{
    public async Task<WorkflowBegun> BeginAsync(WorkflowRun run, CancellationToken cancellation)
    {
        if (await receipts.ReadWorkflowAsync(run.JobId, cancellation) is not { } workflow || !StepRuns.IsCurrent(workflow.Receipt, run.JobId, run.Run))
        {
            await endings.FollowAsync(run, cancellation); // it may have ended as broken, and been cut off after that
            return new WorkflowBegun { IsOver = true };
        }

        var cancelRequested = workflow.Receipt.CancelRequestedAt is not null;
        if (workflow.Steps.Any(step => step.IsUndo))
            return new WorkflowBegun { ToUndo = workflow.NotUndone(), Plan = workflow.Plan, CancelRequested = cancelRequested };
        var doneBefore = workflow.NotUndone();
        if (workflow.PlanOf(run.Run) is { } kept)
            return new WorkflowBegun { Plan = kept, DoneBefore = doneBefore, CancelRequested = cancelRequested };
        try
        {
            var plan = await MakePlanAsync(workflow);
            await receipts.KeepPlanAsync(run.JobId, run.Run, plan, cancellation);
            kill.Pass(KillPoints.AfterPlan);
            LogBegun(run.JobId, workflow.Receipt.Type, PlanNode.Flatten(plan).Count(node => node.IsStep));
            return new WorkflowBegun { Plan = plan, DoneBefore = doneBefore, CancelRequested = cancelRequested };
        }
        catch (Exception broken) when (broken is not OperationCanceledException && !StoreAway.Explains(broken))
        {
            await endings.EndBrokenAsync(run, broken, cancellation);
            return new WorkflowBegun { IsBroken = true };
        }
    }

    private async Task<IReadOnlyList<PlanNode>> MakePlanAsync(WorkflowRecord workflow)
    {
        var receipt = workflow.Receipt;
        if (catalog.Find(receipt.Type) is not WorkflowType type)
            throw new InvalidWorkflowException($"'{receipt.Type}' is no workflow in this build.");
        await using var scope = scopes.CreateAsyncScope();
        var (_, definition) = type.Define(scope.ServiceProvider, receipt.Version, workflow.Payload);
        foreach (var step in definition.Steps)
            Check(type, step);
        // What is kept must come back as it is: a plan that cannot be read again would stop its job for good.
        var json = JsonSerializer.SerializeToUtf8Bytes<IReadOnlyList<PlanNode>>(definition.Plan);
        return JsonSerializer.Deserialize<PlanNode[]>(json)!;
    }

    private void Check(JobType type, Step step)
    {
        if (step.RetryPolicy is { } policy)
            policies.Named(policy, $"the step '{step.Name}' of '{type.Name}'");
        if (step.ChildType is { } child && catalog.Find(child) is not { IsInternal: false })
            throw new InvalidWorkflowException($"The step '{step.Name}' of '{type.Name}' starts a job of type '{child}', which this deployment does not serve.");
    }

    [LoggerMessage(600, LogLevel.Information, "Job {JobId} ({Type}) begins, with {Steps} steps")]
    private partial void LogBegun(string jobId, string type, int steps);
}
