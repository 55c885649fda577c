using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Workflows;

namespace Functions.ServiceBus;

public sealed class RunBulkJobs(JobRunner runner, Orchestrations orchestrations)
{
    [Function(nameof(RunBulkJobs))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Bulk, Connection = AzureConnections.ServiceBus, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, ServiceBusSessionMessageActions session, [DurableClient] DurableTaskClient client, CancellationToken stopping)
    {
        orchestrations.Use(client);
        await Settle.AsAsync(await runner.RunAsync(message, Queue.Bulk, stopping), message, actions, session);
    }
}
