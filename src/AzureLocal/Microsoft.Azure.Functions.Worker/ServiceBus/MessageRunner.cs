using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>Runs the function of one message; throws whatever the function throws.</summary>
/// <param name="delivery">The message.</param>
/// <param name="lockLost">Fires when the message is no longer ours.</param>
internal delegate Task RunMessage(ServiceBusDelivery delivery, CancellationToken lockLost);

/// <summary>Runs the function of a message and settles what the function left open: complete after success, abandon after a throw.</summary>
internal sealed partial class MessageRunner(RunMessage run, bool autoComplete, ILogger logger)
{
    public async Task<ServiceBusDelivery> RunAsync(ServiceBusReceiver receiver, ServiceBusReceivedMessage message, CancellationToken lockLost)
    {
        var delivery = new ServiceBusDelivery(receiver, message);
        bool succeeded;
        try
        {
            await run(delivery, lockLost);
            succeeded = true;
        }
        catch (Exception)
        {
            succeeded = false; // the invoker has logged it
        }
        if (delivery.IsSettled || lockLost.IsCancellationRequested || (succeeded && !autoComplete))
            return delivery;
        try
        {
            // Settled also while the host stops: the work is done, or is to be done by another at once.
            if (succeeded)
                await receiver.CompleteMessageAsync(message, CancellationToken.None);
            else
                await receiver.AbandonMessageAsync(message, null, CancellationToken.None);
        }
        catch (ServiceBusException failure)
        {
            Log.NotSettled(logger, failure.Reason, succeeded ? "completed" : "abandoned", message.MessageId);
        }
        return delivery;
    }

    private static partial class Log
    {
        [LoggerMessage(22, LogLevel.Warning, "{Reason}: message {MessageId} could not be {Settled} and will be delivered again.")]
        public static partial void NotSettled(ILogger logger, ServiceBusFailureReason reason, string settled, string? messageId);
    }
}
