using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class EndWorkflow(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.EndWorkflow)]
    public Task RunAsync([ActivityTrigger] WorkflowEnd end, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.EndAsync(end, cancellation);
    }
}
