using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.Execution;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class RunDefaultJobs(JobRunner runner)
{
    [Function(nameof(RunDefaultJobs))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Default, Connection = AzureConnections.ServiceBus, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, ServiceBusSessionMessageActions session, CancellationToken stopping) =>
        await Settle.AsAsync(await runner.RunAsync(message, Queue.Default, stopping), message, actions, session);
}
