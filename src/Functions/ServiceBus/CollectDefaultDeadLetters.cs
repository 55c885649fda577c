using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;
using Weir.Workflows;

namespace Functions.ServiceBus;

public sealed class CollectDefaultDeadLetters(DeadLetterCollector collector, Orchestrations orchestrations)
{
    [Function(nameof(CollectDefaultDeadLetters))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Default + QueueNames.DeadLetters, Connection = AzureConnections.ServiceBus, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, [DurableClient] DurableTaskClient client, CancellationToken stopping)
    {
        orchestrations.Use(client);
        await Settle.CollectedAsync(await collector.CollectAsync(message, Queue.Default, stopping), message, actions);
    }
}
