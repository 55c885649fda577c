using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

public class ServiceBusMessage
{
    internal const int MaxIdLength = 128;

    public ServiceBusMessage() => Content = new BrokerMessage();

    public ServiceBusMessage(string body) : this(new BinaryData(body))
    {
    }

    public ServiceBusMessage(ReadOnlyMemory<byte> body) : this(BinaryData.FromBytes(body))
    {
    }

    public ServiceBusMessage(BinaryData body) => Content = new BrokerMessage { Body = body };

    /// <summary>A copy to be sent again: everything that the sender had set, without what the broker added.</summary>
    public ServiceBusMessage(ServiceBusReceivedMessage receivedMessage)
    {
        ArgumentNullException.ThrowIfNull(receivedMessage);
        Content = receivedMessage.Content.Copy();
        Content.Properties.Remove(ServiceBusReceivedMessage.DeadLetterReasonHeader);
        Content.Properties.Remove(ServiceBusReceivedMessage.DeadLetterErrorDescriptionHeader);
    }

    internal BrokerMessage Content { get; }

    public BinaryData Body
    {
        get => Content.Body;
        set => Content.Body = value;
    }

    public string? MessageId
    {
        get => Content.MessageId;
        set
        {
            if (string.IsNullOrEmpty(value))
                throw new ArgumentException("MessageId cannot be null or empty.", nameof(MessageId));
            Content.MessageId = AtMost(MaxIdLength, value, nameof(MessageId));
        }
    }

    public string? SessionId
    {
        get => Content.SessionId;
        set
        {
            Content.SessionId = AtMost(MaxIdLength, value, nameof(SessionId));
            if (PartitionKey is not null)
                Content.PartitionKey = value; // the session decides, as in a partitioned entity
        }
    }

    public string? PartitionKey
    {
        get => Content.PartitionKey;
        set
        {
            AtMost(MaxIdLength, value, nameof(PartitionKey));
            if (SessionId is not null && SessionId != value)
                throw new ArgumentOutOfRangeException(nameof(PartitionKey), $"PartitionKey:{value} cannot be set to a different value than SessionId:{SessionId}.");
            Content.PartitionKey = value;
        }
    }

    public string? ReplyToSessionId
    {
        get => Content.ReplyToSessionId;
        set => Content.ReplyToSessionId = AtMost(MaxIdLength, value, nameof(ReplyToSessionId));
    }

    public TimeSpan TimeToLive
    {
        get => Content.TimeToLive;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero, nameof(TimeToLive));
            Content.TimeToLive = value;
        }
    }

    public string? CorrelationId
    {
        get => Content.CorrelationId;
        set => Content.CorrelationId = value;
    }

    public string? Subject
    {
        get => Content.Subject;
        set => Content.Subject = value;
    }

    public string? To
    {
        get => Content.To;
        set => Content.To = value;
    }

    public string? ContentType
    {
        get => Content.ContentType;
        set => Content.ContentType = value;
    }

    public string? ReplyTo
    {
        get => Content.ReplyTo;
        set => Content.ReplyTo = value;
    }

    public DateTimeOffset ScheduledEnqueueTime
    {
        get => Content.ScheduledEnqueueTime;
        set => Content.ScheduledEnqueueTime = value.ToUniversalTime();
    }

    /// <summary>Values may be string, bool, any number, char, Guid, Uri, DateTime, DateTimeOffset, TimeSpan or byte[].</summary>
    public IDictionary<string, object> ApplicationProperties => Content.Properties;

    public override string ToString() => $"{{MessageId:{MessageId}}}";

    private static string? AtMost(int length, string? value, string property) => value is null || value.Length <= length
        ? value
        : throw new ArgumentOutOfRangeException(property, $"{property} has {value.Length} characters, {length} are allowed.");
}
