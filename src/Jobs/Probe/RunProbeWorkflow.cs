using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Text.Json;
using Weir;

namespace Jobs.Probe;

/// <param name="Effect">Where each step leaves an effect "run:n", and each undoing "undo:n"; see <see cref="ProbeEffects"/>.</param>
/// <param name="Steps">How many steps there are, from 1.</param>
/// <param name="FailAt">The step that fails.</param>
/// <param name="FailTimes">How many of its tries fail; all, unless told.</param>
/// <param name="FailAs">In which way.</param>
/// <param name="FailCompensationAt">The step whose undoing fails.</param>
/// <param name="FailCompensationTimes">How many tries of that fail; all, unless told, and for good.</param>
/// <param name="SleepMs">How long each step takes.</param>
/// <param name="WaitForEventAt">Before this step it waits for the event "go".</param>
/// <param name="EventTimeoutMs">For how long.</param>
/// <param name="Parallel">All steps run at the same time.</param>
public sealed record ProbeWorkflow(
    [property: RegularExpression("^[A-Za-z0-9._-]{1,100}$")] string Effect,
    [property: Range(1, 400)] int Steps,
    [property: Range(1, 400)] int? FailAt = null,
    [property: Range(0, 1_000)] int? FailTimes = null,
    ProbeFailure FailAs = ProbeFailure.Permanent,
    [property: Range(1, 400)] int? FailCompensationAt = null,
    [property: Range(0, 1_000)] int? FailCompensationTimes = null,
    [property: Range(0, 3_600_000)] int SleepMs = 0,
    [property: Range(1, 400)] int? WaitForEventAt = null,
    [property: Range(1, 86_400_000)] int EventTimeoutMs = 3_600_000,
    bool Parallel = false);

/// <summary>A workflow that behaves as it is told, for synthetic monitoring and black-box tests.</summary>
[Job("probe.workflow", Owner = "operations", Retry = "quick", TimeoutSeconds = 3_600,
    Description = "A workflow that does what its payload says: steps, a failure, an undoing that fails, a wait.", SideEffects = "Rows in the table ProbeEffects, one for each step and each undoing.")]
public sealed class RunProbeWorkflow(ProbeEffects effects, ProbeCrash crash) : IWorkflow<ProbeWorkflow>
{
    public void Define(WorkflowBuilder<ProbeWorkflow> flow)
    {
        if (flow.Job.Parallel)
            flow.Parallel(AddSteps);
        else
            AddSteps(flow);
        flow.Result(step => new { steps = step.Job.Steps });
    }

    private void AddSteps(WorkflowBuilder<ProbeWorkflow> flow)
    {
        for (var number = 1; number <= flow.Job.Steps; number++)
        {
            if (flow.Job.WaitForEventAt == number)
                flow.WaitFor<JsonElement>("go", TimeSpan.FromMilliseconds(flow.Job.EventTimeoutMs));
            var n = number;
            flow.Step($"s{n}", step => RunAsync(n, step)).Undo((step, _) => UndoAsync(n, step));
        }
    }

    private async Task<int> RunAsync(int number, StepContext<ProbeWorkflow> step)
    {
        if (step.Job.SleepMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(step.Job.SleepMs), step.Clock, step.Cancellation);
        if (step.Job.FailAt == number && step.Attempt <= (step.Job.FailTimes ?? int.MaxValue))
            await FailAsync(step);
        await effects.PerformAsync(step.Job.Effect, $"run:{number}", step);
        return number;
    }

    private async Task UndoAsync(int number, StepContext<ProbeWorkflow> step)
    {
        if (step.Job.FailCompensationAt == number && step.Attempt <= (step.Job.FailCompensationTimes ?? int.MaxValue))
        {
            var text = $"The undoing of step {number} fails, as it was told to.";
            throw step.Job.FailCompensationTimes is null ? new PermanentException(text) : new TransientException(text);
        }
        await effects.PerformAsync(step.Job.Effect, $"undo:{number}", step);
    }

    private async Task FailAsync(StepContext<ProbeWorkflow> step)
    {
        switch (step.Job.FailAs)
        {
            case ProbeFailure.Permanent:
                throw new PermanentException($"Try {step.Attempt} of {step.Step} fails for good, as it was told to.");
            case ProbeFailure.Crash:
                crash();
                throw new UnreachableException("The process should be gone.");
            case ProbeFailure.Hang:
                await Task.Delay(Timeout.InfiniteTimeSpan, step.Clock, step.Cancellation);
                break;
            default:
                throw new TransientException($"Try {step.Attempt} of {step.Step} fails, as it was told to.");
        }
    }
}
