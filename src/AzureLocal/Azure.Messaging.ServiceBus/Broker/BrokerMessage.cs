namespace AzureLocal.ServiceBus;

/// <summary>A message as its sender made it. The sections of an AMQP message that Service Bus gives a meaning to.</summary>
internal sealed class BrokerMessage
{
    /// <summary>A dictionary that grows to them is made three times.</summary>
    private const int UsualProperties = 11;

    private Dictionary<string, object>? properties;

    public BinaryData Body { get; set; } = Empty;
    public string? MessageId { get; set; }
    public string? SessionId { get; set; }
    public string? PartitionKey { get; set; }
    public string? ReplyToSessionId { get; set; }
    public string? CorrelationId { get; set; }
    public string? Subject { get; set; }
    public string? To { get; set; }
    public string? ReplyTo { get; set; }
    public string? ContentType { get; set; }
    public TimeSpan TimeToLive { get; set; } = TimeSpan.MaxValue;
    public DateTimeOffset ScheduledEnqueueTime { get; set; }

    public Dictionary<string, object> Properties => properties ??= new(UsualProperties, StringComparer.Ordinal);

    public bool HasProperties => properties is { Count: > 0 };

    private static BinaryData Empty { get; } = new(Array.Empty<byte>());

    public BrokerMessage Copy()
    {
        var copy = (BrokerMessage)MemberwiseClone();
        copy.properties = properties is null ? null : new(properties, StringComparer.Ordinal);
        return copy;
    }
}

/// <summary>A message ready to be sent: its stored form, and what the broker needs to know without reading that.</summary>
internal sealed class OutgoingMessage(BrokerMessage message)
{
    public byte[] Content { get; } = MessageFormat.Encode(message);
    public string? MessageId { get; } = message.MessageId;
    public string? SessionId { get; } = message.SessionId;
    public TimeSpan TimeToLive { get; } = message.TimeToLive;
    public DateTimeOffset ScheduledEnqueueTime { get; } = message.ScheduledEnqueueTime;
}
