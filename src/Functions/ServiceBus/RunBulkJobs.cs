using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.Execution;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class RunBulkJobs(JobRunner runner)
{
    [Function(nameof(RunBulkJobs))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Bulk, Connection = AzureConnections.ServiceBus, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, ServiceBusSessionMessageActions session, CancellationToken stopping) =>
        await Settle.AsAsync(await runner.RunAsync(message, Queue.Bulk, stopping), message, actions, session);
}
