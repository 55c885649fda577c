using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;
using Weir.Workflows;

namespace Functions.ServiceBus;

public sealed class CollectCriticalDeadLetters(DeadLetterCollector collector, Orchestrations orchestrations)
{
    [Function(nameof(CollectCriticalDeadLetters))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Critical + QueueNames.DeadLetters, Connection = AzureConnections.ServiceBus, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, [DurableClient] DurableTaskClient client, CancellationToken stopping)
    {
        orchestrations.Use(client);
        await Settle.CollectedAsync(await collector.CollectAsync(message, Queue.Critical, stopping), message, actions);
    }
}
