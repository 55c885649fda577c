using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Weir.Execution;

namespace Functions.ServiceBus;

/// <summary>Does to a message what Weir decided.</summary>
internal static class Settle
{
    public static async Task AsAsync(Settlement settlement, ServiceBusReceivedMessage message, ServiceBusMessageActions actions, ServiceBusSessionMessageActions session)
    {
        try
        {
            await (settlement switch
            {
                Settlement.Complete => actions.CompleteMessageAsync(message),
                Settlement.DeadLetter dead => actions.DeadLetterMessageAsync(message, deadLetterReason: dead.Reason, deadLetterErrorDescription: dead.Description),
                Settlement.HandBack => session.ReleaseSession(),
                _ => throw new UnreachableException(settlement.GetType().Name),
            });
            if (settlement.EndsTurn)
                await session.ReleaseSession();
        }
        catch (ServiceBusException lost) when (lost.Reason is ServiceBusFailureReason.MessageLockLost or ServiceBusFailureReason.SessionLockLost)
        {
            // The message comes again and finds the outcome on record. A throw from here would only be an error in the log.
        }
    }

    /// <summary>A dead message that is not on record yet is left as it is: abandoned, it would come again at once.</summary>
    public static async Task CollectedAsync(bool onRecord, ServiceBusReceivedMessage message, ServiceBusMessageActions actions)
    {
        try
        {
            if (onRecord)
                await actions.CompleteMessageAsync(message);
        }
        catch (ServiceBusException lost) when (lost.Reason == ServiceBusFailureReason.MessageLockLost)
        {
            // As above.
        }
    }
}
