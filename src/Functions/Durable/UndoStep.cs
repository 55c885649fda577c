using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Durable;

public sealed class UndoStep(WorkflowActivities workflows, Orchestrations orchestrations)
{
    [Function(WorkflowFunctions.UndoStep)]
    public Task<StepOutcome> RunAsync([ActivityTrigger] StepCall call, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return workflows.UndoStepAsync(call, cancellation);
    }
}
