using System.Collections.Frozen;
using Azure;
using Azure.Messaging.ServiceBus;

namespace Weir.Lanes;

/// <summary>The three queues, each behind its sender. Every method completes when the broker has the message.</summary>
internal sealed class JobQueues(ServiceBusClient client)
{
    private readonly FrozenDictionary<Queue, ServiceBusSender> senders =
        Enum.GetValues<Queue>().ToFrozenDictionary(queue => queue, queue => client.CreateSender(QueueNames.Of(queue)));

    public Task SendAsync(Queue queue, JobMessage message, CancellationToken cancellation) =>
        senders[queue].SendMessageAsync(message.ToServiceBus(), cancellation);

    /// <summary>Not now: a copy comes at <paramref name="until"/>, as the last of its lane, and no attempt is burnt.</summary>
    public Task PutOffAsync(Queue queue, JobMessage message, DateTimeOffset until, CancellationToken cancellation) =>
        ScheduleAsync(queue, message with { PutOffs = message.PutOffs + 1 }, until, cancellation);

    /// <summary>The message for the attempt after a failed one, to be claimed against the receipt as that failure left it.</summary>
    public Task RetryAsync(Queue queue, JobMessage message, int attempt, ETag receipt, DateTimeOffset notBefore, CancellationToken cancellation) =>
        ScheduleAsync(queue, message with { Attempt = attempt, PutOffs = 0, ReceiptETag = receipt }, notBefore, cancellation);

    private Task ScheduleAsync(Queue queue, JobMessage message, DateTimeOffset at, CancellationToken cancellation) =>
        senders[queue].ScheduleMessageAsync(message.ToServiceBus(), at, cancellation);
}
