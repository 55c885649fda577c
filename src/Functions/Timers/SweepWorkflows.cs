using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Timers;

public sealed class SweepWorkflows(WorkflowSweep sweep, Orchestrations orchestrations)
{
    [Function(nameof(SweepWorkflows))]
    public Task RunAsync([TimerTrigger("30 * * * * *")] TimerInfo timer, [DurableClient] DurableTaskClient client, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return sweep.RunAsync(cancellation);
    }
}
