using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Weir.Workflows;

namespace Functions.Durable;

public static class RunWorkflow
{
    [Function(WorkflowFunctions.RunWorkflow)]
    public static Task RunAsync([OrchestrationTrigger] TaskOrchestrationContext context) => WorkflowOrchestration.RunAsync(context);
}
