using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Weir.Testing.Time;
using Weir.Workflows;

namespace Weir.Testing.Running;

/// <summary>What the function app does for workflows: serves the orchestrator and its activities. Its history lies in the store, and outlives the instance.</summary>
internal sealed class WorkflowEngine
{
    private const string TaskHub = "Weir";
    private const int MostAtOnce = 64;

    private readonly OrchestrationEngine engine;

    public WorkflowEngine(World world, Place place, WorkflowActivities activities)
    {
        var options = new EngineOptions { MaxConcurrentOrchestrators = MostAtOnce, MaxConcurrentActivities = MostAtOnce, ProcessId = place.Name, IsProcessAlive = world.IsAlive };
        engine = new OrchestrationEngine(world.Store, TaskHub, place.Clock, new Random(world.Options.Seed), NullLoggerFactory.Instance, options);
        engine.AddOrchestrator(WorkflowFunctions.RunWorkflow, RunAsync);
        Add<WorkflowRun>(WorkflowFunctions.BeginWorkflow, async (run, lost) => await activities.BeginAsync(run, lost));
        Add<StepCall>(WorkflowFunctions.RunStep, async (call, lost) => await activities.RunStepAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.UndoStep, async (call, lost) => await activities.UndoStepAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.CloseWait, async (call, lost) => await activities.CloseWaitAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.CompensateWorkflow, async (call, lost) =>
        {
            await activities.CompensateAsync(call, lost);
            return null;
        });
        Add<WorkflowEnd>(WorkflowFunctions.EndWorkflow, async (end, lost) =>
        {
            await activities.EndAsync(end, lost);
            return null;
        });
    }

    /// <summary>How many activities are at work.</summary>
    public int Running { get; private set; }

    public async Task<DurableTaskClient> StartAsync()
    {
        var client = engine.CreateClient();
        await engine.StartAsync(CancellationToken.None);
        return client;
    }

    public void Kill() => engine.Kill();

    private void Add<T>(string name, Func<T, CancellationToken, Task<object?>> run) => engine.AddActivity(name, async (_, input, lost) =>
    {
        Running++;
        try
        {
            return await run(JsonDataConverter.Default.Deserialize<T>(input)!, lost);
        }
        finally
        {
            Running--;
        }
    });

    private static async Task<object?> RunAsync(TaskOrchestrationContext context)
    {
        await WorkflowOrchestration.RunAsync(context);
        return null;
    }
}
