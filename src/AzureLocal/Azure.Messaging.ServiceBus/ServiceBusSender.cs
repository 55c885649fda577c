using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

public class ServiceBusSender : IAsyncDisposable
{
    private readonly ServiceBusClient client;
    private readonly IBrokerConnection connection;

    /// <summary>For mocking.</summary>
    protected ServiceBusSender() => (client, connection, EntityPath, Identifier) = (null!, null!, "", "");

    internal ServiceBusSender(ServiceBusClient client, string entityPath, string? identifier)
    {
        this.client = client;
        connection = client.Connection;
        EntityPath = entityPath;
        Identifier = identifier ?? client.NewIdentifier(entityPath);
    }

    public virtual string FullyQualifiedNamespace => client.FullyQualifiedNamespace;

    public virtual string EntityPath { get; }

    public virtual string Identifier { get; }

    public virtual bool IsClosed { get; private set; }

    public virtual async Task SendMessageAsync(ServiceBusMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ThrowIfClosed();
        await connection.SendAsync(EntityPath, [new OutgoingMessage(message.Content)], cancellationToken);
    }

    public virtual async Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ThrowIfClosed();
        var outgoing = messages.Select(message => new OutgoingMessage(message.Content)).ToList();
        if (outgoing.Count > 0)
            await connection.SendAsync(EntityPath, outgoing, cancellationToken);
    }

    public virtual async Task SendMessagesAsync(ServiceBusMessageBatch messageBatch, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messageBatch);
        ThrowIfClosed();
        if (messageBatch.Count > 0)
            await connection.SendAsync(EntityPath, [.. messageBatch.Messages], cancellationToken);
    }

    public virtual ValueTask<ServiceBusMessageBatch> CreateMessageBatchAsync(CancellationToken cancellationToken = default) =>
        CreateMessageBatchAsync(new CreateMessageBatchOptions(), cancellationToken);

    public virtual ValueTask<ServiceBusMessageBatch> CreateMessageBatchAsync(CreateMessageBatchOptions options, CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        var size = options?.MaxSizeInBytes ?? MessageFormat.MaxBytes;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MessageFormat.MaxBytes, nameof(options.MaxSizeInBytes));
        return ValueTask.FromResult(new ServiceBusMessageBatch(size));
    }

    public virtual async Task<long> ScheduleMessageAsync(ServiceBusMessage message, DateTimeOffset scheduledEnqueueTime, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return (await ScheduleMessagesAsync([message], scheduledEnqueueTime, cancellationToken))[0];
    }

    public virtual async Task<IReadOnlyList<long>> ScheduleMessagesAsync(
        IEnumerable<ServiceBusMessage> messages, DateTimeOffset scheduledEnqueueTime, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ThrowIfClosed();
        var outgoing = new List<OutgoingMessage>();
        foreach (var message in messages)
        {
            message.ScheduledEnqueueTime = scheduledEnqueueTime;
            outgoing.Add(new OutgoingMessage(message.Content));
        }
        return outgoing.Count == 0 ? [] : await connection.ScheduleAsync(EntityPath, outgoing, cancellationToken);
    }

    public virtual Task CancelScheduledMessageAsync(long sequenceNumber, CancellationToken cancellationToken = default) =>
        CancelScheduledMessagesAsync([sequenceNumber], cancellationToken);

    public virtual async Task CancelScheduledMessagesAsync(IEnumerable<long> sequenceNumbers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sequenceNumbers);
        ThrowIfClosed();
        long[] numbers = [.. sequenceNumbers];
        if (numbers.Length > 0)
            await connection.CancelScheduledAsync(EntityPath, numbers, cancellationToken);
    }

    public virtual Task CloseAsync(CancellationToken cancellationToken = default)
    {
        IsClosed = true;
        return Task.CompletedTask;
    }

    public virtual async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    public override string ToString() => $"ServiceBusSender {EntityPath}";

    private void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(IsClosed, typeof(ServiceBusSender));
        client.ThrowIfClosed();
    }
}
