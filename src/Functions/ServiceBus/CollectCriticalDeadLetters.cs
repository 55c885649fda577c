using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.DeadLetters;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class CollectCriticalDeadLetters(DeadLetterCollector collector)
{
    [Function(nameof(CollectCriticalDeadLetters))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Critical + QueueNames.DeadLetters, Connection = AzureConnections.ServiceBus, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, CancellationToken stopping) =>
        await Settle.CollectedAsync(await collector.CollectAsync(message, Queue.Critical, stopping), message, actions);
}
