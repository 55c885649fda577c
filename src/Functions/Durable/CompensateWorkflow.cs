using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class CompensateWorkflow(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.CompensateWorkflow)]
    public Task RunAsync([ActivityTrigger] StepCall call, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.CompensateAsync(call, cancellation);
    }
}
