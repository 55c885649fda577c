using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class CollectDefaultDeadLetters(DeadLetterCollector collector)
{
    [Function(nameof(CollectDefaultDeadLetters))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Default + QueueNames.DeadLetters, Connection = AzureConnections.ServiceBus, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, CancellationToken stopping) =>
        await Settle.CollectedAsync(await collector.CollectAsync(message, Queue.Default, stopping), message, actions);
}
