using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class CloseWait(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.CloseWait)]
    public Task<StepOutcome> RunAsync([ActivityTrigger] StepCall call, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.CloseWaitAsync(call, cancellation);
    }
}
