using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir.Execution;

namespace Functions.ServiceBus;

/// <summary>Does to a message what Weir decided. A lock that is lost by now changes nothing: the message comes again and finds the outcome on record.</summary>
internal static class Settle
{
    public static Task AsAsync(Settlement settlement, ServiceBusReceivedMessage message, ServiceBusMessageActions actions, ServiceBusSessionMessageActions session) => settlement switch
    {
        Settlement.Complete => actions.CompleteMessageAsync(message),
        Settlement.DeadLetter dead => actions.DeadLetterMessageAsync(message, deadLetterReason: dead.Reason, deadLetterErrorDescription: dead.Description),
        Settlement.HandBack => session.ReleaseSession(),
        _ => throw new UnreachableException(settlement.GetType().Name),
    };
}
