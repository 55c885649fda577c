using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

/// <summary>Messages to be sent in one call, taken as they are when they are added.</summary>
public sealed class ServiceBusMessageBatch : IDisposable
{
    /// <summary>What Azure takes in one call, whatever its size.</summary>
    internal const int MaxCount = 4_500;

    private readonly List<OutgoingMessage> messages = [];
    private bool disposed;

    internal ServiceBusMessageBatch(long maxSizeInBytes) => MaxSizeInBytes = maxSizeInBytes;

    public long MaxSizeInBytes { get; }

    public long SizeInBytes { get; private set; }

    public int Count => messages.Count;

    internal IReadOnlyList<OutgoingMessage> Messages => messages;

    /// <summary>False when the message would make the batch too large.</summary>
    public bool TryAddMessage(ServiceBusMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        ObjectDisposedException.ThrowIf(disposed, this);
        if (messages.Count == MaxCount)
            return false;
        var outgoing = new OutgoingMessage(message.Content);
        if (SizeInBytes + outgoing.Content.Length > MaxSizeInBytes)
            return false;
        SizeInBytes += outgoing.Content.Length;
        messages.Add(outgoing);
        return true;
    }

    public void Dispose()
    {
        disposed = true;
        messages.Clear();
        SizeInBytes = 0;
    }
}
