using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

public class ServiceBusReceivedMessage
{
    internal const string DeadLetterReasonHeader = "DeadLetterReason";
    internal const string DeadLetterErrorDescriptionHeader = "DeadLetterErrorDescription";

    internal ServiceBusReceivedMessage(Delivery delivery) => Delivery = delivery;

    internal Delivery Delivery { get; }

    internal BrokerMessage Content => Delivery.Message;

    public BinaryData Body => Content.Body;
    public string? MessageId => Content.MessageId;
    public string? PartitionKey => Content.PartitionKey;
    public string? SessionId => Content.SessionId;
    public string? ReplyToSessionId => Content.ReplyToSessionId;
    public TimeSpan TimeToLive => Content.TimeToLive;
    public string? CorrelationId => Content.CorrelationId;
    public string? Subject => Content.Subject;
    public string? To => Content.To;
    public string? ContentType => Content.ContentType;
    public string? ReplyTo => Content.ReplyTo;
    public DateTimeOffset ScheduledEnqueueTime => Content.ScheduledEnqueueTime;
    public IReadOnlyDictionary<string, object> ApplicationProperties => Content.Properties;

    public string LockToken => Delivery.LockToken.ToString();
    public int DeliveryCount => Delivery.DeliveryCount;
    public DateTimeOffset LockedUntil => Delivery.LockedUntil;
    public long SequenceNumber => Delivery.SequenceNumber;
    public long EnqueuedSequenceNumber => Delivery.EnqueuedSequenceNumber;
    public DateTimeOffset EnqueuedTime => Delivery.EnqueuedTime;
    public DateTimeOffset ExpiresAt => Delivery.ExpiresAt;

    /// <summary>Only set where a dead-letter queue forwards by itself, which is not supported here: always null.</summary>
    public string? DeadLetterSource => null;

    public string? DeadLetterReason => Property(DeadLetterReasonHeader);
    public string? DeadLetterErrorDescription => Property(DeadLetterErrorDescriptionHeader);

    public ServiceBusMessageState State => Delivery.State switch
    {
        MessageState.Scheduled => ServiceBusMessageState.Scheduled,
        MessageState.Deferred => ServiceBusMessageState.Deferred,
        _ => ServiceBusMessageState.Active,
    };

    public override string ToString() => $"{{MessageId:{MessageId}}}";

    private string? Property(string name) => Content.HasProperties && Content.Properties.TryGetValue(name, out var value) ? value as string : null;
}
