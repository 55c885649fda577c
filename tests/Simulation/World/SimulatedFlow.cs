using System.Globalization;
using System.Text.Json;
using Simulation.Faults;
using Weir;

namespace Simulation.World;

/// <summary>What a simulated workflow does.</summary>
/// <param name="Number">Its number in the world.</param>
/// <param name="Steps">How many steps there are.</param>
/// <param name="FailAt">The step that fails; 0: none.</param>
/// <param name="FailTimes">How many tries of it; more than its policy has: for good.</param>
/// <param name="FailUndoAt">The step whose undoing fails for good; 0: none.</param>
/// <param name="FailUndoRuns">In how many runs of the job it does.</param>
/// <param name="UndoMs">How long that undoing takes otherwise.</param>
/// <param name="FailResult">When all is done in its first run, the workflow cannot say with what result.</param>
/// <param name="Parallel">All at once.</param>
/// <param name="WaitAt">Before this step it waits for an event; 0: it does not.</param>
/// <param name="SleepMs">How long each step takes.</param>
public sealed record Flow(int Number, int Steps, int FailAt = 0, int FailTimes = 99, int FailUndoAt = 0, int FailUndoRuns = 1, int UndoMs = 0, bool FailResult = false, bool Parallel = false, int WaitAt = 0, int SleepMs = 0);

[Job("sim.flow", Retry = "quick")]
internal sealed class SimulatedFlow(WeirInstance instance, WorldState world) : IWorkflow<Flow>
{
    public void Define(WorkflowBuilder<Flow> flow)
    {
        if (flow.Job.Parallel)
            flow.Parallel(AddSteps);
        else
            AddSteps(flow);
        if (flow.Job.FailResult)
            flow.Result(job => ReplaysOf(job) == 0 ? throw new PermanentException($"Job {job.Job.Number} was told to have no result.") : job.Job.Number);
    }

    private void AddSteps(WorkflowBuilder<Flow> flow)
    {
        for (var number = 1; number <= flow.Job.Steps; number++)
        {
            var n = number;
            if (flow.Job.WaitAt == n)
                flow.WaitFor<JsonElement>("go", TimeSpan.FromMinutes(2), WhenLate.Continue);
            flow.Step(string.Create(CultureInfo.InvariantCulture, $"s{n}"), step => RunAsync(n, step)).Undo((step, _) => UndoAsync(n, step), evenHalfRun: true);
        }
    }

    private async Task<int> RunAsync(int number, StepContext<Flow> step)
    {
        if (step.Job.SleepMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(step.Job.SleepMs), step.Clock, step.Cancellation);
        if (step.Job.FailAt == number && step.Attempt <= step.Job.FailTimes)
            throw new TransientException($"Job {step.Job.Number} was told to fail at step {number}.");
        await HaveEffectAsync(step, $"run:{number}");
        return number;
    }

    private async Task UndoAsync(int number, StepContext<Flow> step)
    {
        if (step.Job.FailUndoAt == number && ReplaysOf(step) < step.Job.FailUndoRuns)
            throw new PermanentException($"Job {step.Job.Number} was told to fail at undoing step {number}.");
        if (step.Job.FailUndoAt == number && step.Job.UndoMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(step.Job.UndoMs), step.Clock, step.Cancellation);
        await HaveEffectAsync(step, $"undo:{number}");
    }

    private int ReplaysOf(StepContext<Flow> job) => world.Observer.Find(job.Id)!.Replays;

    private Task<bool> HaveEffectAsync(StepContext<Flow> step, string effect) => instance.Network.CallAsync(
        Dependency.Downstream, $"effect {step.Job.Number}/{effect}",
        () =>
        {
            world.Observer.StepTaken(step.Id, effect);
            return Task.FromResult(true);
        },
        _ => true, () => throw new TransientException("The downstream is busy."), () => new TimeoutException("The downstream did not answer."), step.Cancellation);
}
