using System.Collections.Frozen;
using Azure;
using Azure.Messaging.ServiceBus;
using Weir.Execution;
using Weir.Statistics;
using Weir.Telemetry;

namespace Weir.Lanes;

/// <summary>The three queues, each behind its sender. Every method completes when the broker has the message.</summary>
internal sealed class JobQueues(ServiceBusClient client, OrderingKeyTable keys, KillPoints kill, JobStatistics statistics)
{
    private readonly FrozenDictionary<Queue, ServiceBusSender> senders =
        Enum.GetValues<Queue>().ToFrozenDictionary(queue => queue, queue => client.CreateSender(QueueNames.Of(queue)));

    public Task SendAsync(Queue queue, JobMessage message, CancellationToken cancellation) =>
        senders[queue].SendMessageAsync(message.ToServiceBus(), cancellation);

    /// <summary>The message for a job's first attempt, to come at once or at its time.</summary>
    public Task SendFirstAsync(Queue queue, JobMessage message, DateTimeOffset? notBefore, CancellationToken cancellation) =>
        notBefore is { } at ? senders[queue].ScheduleMessageAsync(message.ToServiceBus(), at, cancellation) : SendAsync(queue, message, cancellation);

    /// <summary>
    /// First messages in as few batches as the broker's size allows: a batch is one operation, and is accepted or refused as a whole.
    /// </summary>
    /// <returns>For each message what its batch failed with, or null.</returns>
    public async Task<IReadOnlyList<Exception?>> SendFirstAsync(Queue queue, IReadOnlyList<(JobMessage Message, DateTimeOffset? NotBefore)> all, CancellationToken cancellation)
    {
        var failures = new Exception?[all.Count];
        for (var next = 0; next < all.Count;)
        {
            var first = next;
            using var batch = await senders[queue].CreateMessageBatchAsync(cancellation);
            while (next < all.Count && batch.TryAddMessage(ToServiceBus(all[next])))
                next++;
            if (next == first)
            {
                failures[next++] = new ServiceBusException("The message is larger than a batch may be.", ServiceBusFailureReason.MessageSizeExceeded);
                continue;
            }
            try
            {
                await senders[queue].SendMessagesAsync(batch, cancellation);
            }
            catch (ServiceBusException refused)
            {
                failures.AsSpan(first..next).Fill(refused);
            }
        }
        return failures;
    }

    /// <summary>Not now: a copy comes at <paramref name="until"/>, as the last of its lane, and no attempt is burnt.</summary>
    public async Task PutOffAsync(Queue queue, JobMessage message, PutOffReason why, DateTimeOffset until, CancellationToken cancellation)
    {
        await ScheduleAsync(queue, message with { PutOffs = message.PutOffs + 1 }, HeadReason.PutOff, until, cancellation);
        statistics.Count(JobEvent.PutOff, message.Type, queue, message.Tenant, JobMetrics.NameOf(why));
    }

    /// <summary>The message for the attempt after a failed one, to be claimed against the receipt as that failure left it.</summary>
    public Task RetryAsync(Queue queue, JobMessage message, int attempt, ETag receipt, DateTimeOffset notBefore, CancellationToken cancellation) =>
        ScheduleAsync(queue, message with { Attempt = attempt, PutOffs = 0, ReceiptETag = receipt }, HeadReason.Retrying, notBefore, cancellation);

    private static ServiceBusMessage ToServiceBus((JobMessage Message, DateTimeOffset? NotBefore) first)
    {
        var message = first.Message.ToServiceBus();
        if (first.NotBefore is { } at)
            message.ScheduledEnqueueTime = at;
        return message;
    }

    private async Task ScheduleAsync(Queue queue, JobMessage message, HeadReason why, DateTimeOffset at, CancellationToken cancellation)
    {
        // Whatever comes again later must not be overtaken meanwhile by a job of its key, if that is in strict order.
        if (message.StrictKey is { } key)
        {
            if (!await keys.BlockAsync(key, message.JobId, why, cancellation))
                throw new InvalidOperationException($"Job {message.JobId} cannot come again later, because it is another job's turn in its ordering key.");
            kill.Pass(KillPoints.AfterBlocked);
        }
        await senders[queue].ScheduleMessageAsync(message.ToServiceBus(), at, cancellation);
    }
}
