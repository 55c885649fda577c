using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class BeginWorkflow(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.BeginWorkflow)]
    public Task<WorkflowBegun> RunAsync([ActivityTrigger] WorkflowRun run, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.BeginAsync(run, cancellation);
    }
}
