using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Workflows;

namespace Functions.ServiceBus;

public sealed class RunDefaultJobs(JobRunner runner, Orchestrations orchestrations)
{
    [Function(nameof(RunDefaultJobs))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Default, Connection = AzureConnections.ServiceBus, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, ServiceBusSessionMessageActions session, [DurableClient] DurableTaskClient client, CancellationToken stopping)
    {
        orchestrations.Use(client);
        await Settle.AsAsync(await runner.RunAsync(message, Queue.Default, stopping), message, actions, session);
    }
}
