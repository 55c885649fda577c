using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using Weir;
using Weir.Receipts;
using Weir.Workflows;

namespace Unit.Tests.Workflows;

/// <summary>What the function app does for workflows: an engine over the instance's store that serves the orchestrator and its activities.</summary>
internal sealed class WorkflowHost : IAsyncDisposable
{
    private readonly WeirInMemory weir;
    private readonly OrchestrationEngine engine;

    private WorkflowHost(WeirInMemory weir, OrchestrationEngine engine) => (this.weir, this.engine) = (weir, engine);

    public DurableTaskClient Client { get; private init; } = null!;

    /// <summary>The turns and activities so far, by name.</summary>
    public IReadOnlyDictionary<string, long> Operations => engine.Operations.Snapshot();

    /// <param name="orchestrator">Another orchestrator than Weir's, such as that of another build.</param>
    public static async Task<WorkflowHost> StartAsync(WeirInMemory weir, Func<TaskOrchestrationContext, Task<object?>>? orchestrator = null)
    {
        var engine = new OrchestrationEngine(weir.Store, "Weir", weir.Clock, new Random(1), NullLoggerFactory.Instance, new EngineOptions());
        engine.AddOrchestrator(WorkflowFunctions.RunWorkflow, orchestrator ?? RunAsync);
        var workflows = weir.Get<WorkflowActivities>();
        Add<WorkflowRun>(WorkflowFunctions.BeginWorkflow, async (run, lost) => await workflows.BeginAsync(run, lost));
        Add<StepCall>(WorkflowFunctions.RunStep, async (call, lost) => await workflows.RunStepAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.UndoStep, async (call, lost) => await workflows.UndoStepAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.CloseWait, async (call, lost) => await workflows.CloseWaitAsync(call, lost));
        Add<StepCall>(WorkflowFunctions.CompensateWorkflow, async (call, lost) =>
        {
            await workflows.CompensateAsync(call, lost);
            return null;
        });
        Add<WorkflowEnd>(WorkflowFunctions.EndWorkflow, async (end, lost) =>
        {
            await workflows.EndAsync(end, lost);
            return null;
        });
        var client = engine.CreateClient();
        weir.Get<Orchestrations>().Use(client);
        await engine.StartAsync(CancellationToken.None);
        return new WorkflowHost(weir, engine) { Client = client };

        void Add<T>(string name, Func<T, CancellationToken, Task<object?>> run) =>
            engine.AddActivity(name, (_, input, lost) => run(JsonDataConverter.Default.Deserialize<T>(input)!, lost));
    }

    /// <summary>Runs what is in the queue, and lets time pass until the job is in that state.</summary>
    public Task<JobRecord> UntilAsync(string id, JobState state) => UntilAsync(id, job => job.Receipt.State == state);

    public async Task<JobRecord> UntilAsync(string id, Func<JobRecord, bool> holds)
    {
        for (var tries = 0; tries < 10_000; tries++)
        {
            var job = await weir.JobAsync(id);
            if (holds(job))
                return job;
            await weir.RunNextAsync();
            await Task.Delay(5);
            weir.Clock.Advance(TimeSpan.FromMilliseconds(250));
        }
        var last = await weir.JobAsync(id);
        throw new TimeoutException($"The job is {last.Receipt.State}: {string.Join(", ", last.Steps.Select(step => $"{step.Name} {step.State} {step.Error?.Message}"))}.");
    }

    /// <summary>As a deployment does it: what runs is cancelled and handed back.</summary>
    public Task StopAsync() => engine.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        engine.Kill();
        await engine.DisposeAsync();
    }

    private static async Task<object?> RunAsync(TaskOrchestrationContext context)
    {
        await WorkflowOrchestration.RunAsync(context);
        return null;
    }
}
