using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

/// <summary>Makes what only the service makes otherwise, for tests.</summary>
public static class ServiceBusModelFactory
{
    public static ServiceBusReceivedMessage ServiceBusReceivedMessage(
        BinaryData? body = default,
        string? messageId = default,
        string? partitionKey = default,
        string? viaPartitionKey = default,
        string? sessionId = default,
        string? replyToSessionId = default,
        TimeSpan timeToLive = default,
        string? correlationId = default,
        string? subject = default,
        string? to = default,
        string? contentType = default,
        string? replyTo = default,
        DateTimeOffset scheduledEnqueueTime = default,
        IDictionary<string, object>? properties = default,
        Guid lockTokenGuid = default,
        int deliveryCount = 0,
        DateTimeOffset lockedUntil = default,
        long sequenceNumber = -1,
        string? deadLetterSource = default,
        long enqueuedSequenceNumber = 0,
        DateTimeOffset enqueuedTime = default,
        ServiceBusMessageState serviceBusMessageState = ServiceBusMessageState.Active)
    {
        if (viaPartitionKey is not null || deadLetterSource is not null)
            throw new NotSupportedException("The local Service Bus has no transfer queues and no forwarding: viaPartitionKey and deadLetterSource are always null.");

        var content = new BrokerMessage
        {
            Body = body ?? new BinaryData(Array.Empty<byte>()),
            MessageId = messageId,
            PartitionKey = partitionKey,
            SessionId = sessionId,
            ReplyToSessionId = replyToSessionId,
            TimeToLive = timeToLive == default ? TimeSpan.MaxValue : timeToLive,
            CorrelationId = correlationId,
            Subject = subject,
            To = to,
            ContentType = contentType,
            ReplyTo = replyTo,
            ScheduledEnqueueTime = scheduledEnqueueTime,
        };
        foreach (var (name, value) in properties ?? new Dictionary<string, object>())
            content.Properties[name] = value;
        return new ServiceBusReceivedMessage(new Delivery
        {
            Message = content,
            SequenceNumber = sequenceNumber,
            EnqueuedSequenceNumber = enqueuedSequenceNumber,
            EnqueuedTime = enqueuedTime,
            ExpiresAt = content.TimeToLive < DateTimeOffset.MaxValue - enqueuedTime ? enqueuedTime + content.TimeToLive : DateTimeOffset.MaxValue,
            DeliveryCount = deliveryCount,
            LockToken = lockTokenGuid,
            LockedUntil = lockedUntil,
            State = serviceBusMessageState switch
            {
                ServiceBusMessageState.Deferred => MessageState.Deferred,
                ServiceBusMessageState.Scheduled => MessageState.Scheduled,
                _ => MessageState.Ready,
            },
        });
    }
}
