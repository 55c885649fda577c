using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class RunStep(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.RunStep)]
    public Task<StepOutcome> RunAsync([ActivityTrigger] StepCall call, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.RunStepAsync(call, cancellation);
    }
}
