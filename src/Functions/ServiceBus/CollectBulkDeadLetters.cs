using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class CollectBulkDeadLetters(DeadLetterCollector collector)
{
    [Function(nameof(CollectBulkDeadLetters))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Bulk + QueueNames.DeadLetters, Connection = AzureConnections.ServiceBus, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, CancellationToken stopping) =>
        await Settle.CollectedAsync(await collector.CollectAsync(message, Queue.Bulk, stopping), message, actions);
}
