using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir;
using Weir.Execution;
using Weir.Lanes;

namespace Functions.ServiceBus;

public sealed class RunCriticalJobs(JobRunner runner)
{
    [Function(nameof(RunCriticalJobs))]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Critical, Connection = AzureConnections.ServiceBus, IsSessionsEnabled = true, AutoCompleteMessages = false)] ServiceBusReceivedMessage message,
        ServiceBusMessageActions actions, ServiceBusSessionMessageActions session, CancellationToken stopping) =>
        await Settle.AsAsync(await runner.RunAsync(message, Queue.Critical, stopping), message, actions, session);
}
