using System.Runtime.CompilerServices;
using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

public class ServiceBusReceiver : IAsyncDisposable
{
    private const int MaxReasonLength = 4_096;

    private readonly ServiceBusClient client;
    private readonly IBrokerConnection connection;
    private readonly SessionLock? session;
    private readonly CancellationTokenSource closing = new();
    private long nextToPeek;

    /// <summary>For mocking.</summary>
    protected ServiceBusReceiver() => (client, connection, EntityPath, Identifier) = (null!, null!, "", "");

    internal ServiceBusReceiver(ServiceBusClient client, string entityPath, ServiceBusReceiveMode mode, string? identifier, SessionLock? session = null)
    {
        this.client = client;
        this.session = session;
        connection = client.Connection;
        EntityPath = entityPath;
        ReceiveMode = mode;
        Identifier = identifier ?? client.NewIdentifier(entityPath);
    }

    public virtual string FullyQualifiedNamespace => client.FullyQualifiedNamespace;

    public virtual string EntityPath { get; }

    public virtual string Identifier { get; }

    public virtual ServiceBusReceiveMode ReceiveMode { get; }

    public virtual bool IsClosed => closing.IsCancellationRequested;

    internal IBrokerConnection Connection => connection;

    public virtual async Task<ServiceBusReceivedMessage?> ReceiveMessageAsync(TimeSpan? maxWaitTime = default, CancellationToken cancellationToken = default)
    {
        var messages = await ReceiveMessagesAsync(1, maxWaitTime, cancellationToken);
        return messages.Count == 0 ? null : messages[0];
    }

    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> ReceiveMessagesAsync(
        int maxMessages, TimeSpan? maxWaitTime = default, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMessages, 1);
        if (maxWaitTime is { } given)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(given, TimeSpan.Zero, nameof(maxWaitTime));
        ThrowIfClosed();

        // A receiver that is closed while it waits must not take a message that nobody will settle.
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closing.Token);
        try
        {
            var wait = maxWaitTime ?? client.TryTimeout;
            return Received(await connection.ReceiveAsync(EntityPath, session, maxMessages, wait, ReceiveMode == ServiceBusReceiveMode.ReceiveAndDelete, either.Token));
        }
        catch (OperationCanceledException) when (IsClosed && !cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(ServiceBusReceiver), "The receiver was closed while it waited for a message.");
        }
    }

    public virtual async IAsyncEnumerable<ServiceBusReceivedMessage> ReceiveMessagesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (await ReceiveMessageAsync(null, cancellationToken) is { } message)
                yield return message;
        }
    }

    public virtual async Task<ServiceBusReceivedMessage?> PeekMessageAsync(long? fromSequenceNumber = default, CancellationToken cancellationToken = default)
    {
        var messages = await PeekMessagesAsync(1, fromSequenceNumber, cancellationToken);
        return messages.Count == 0 ? null : messages[0];
    }

    /// <summary>Without a number it goes on where the last call of this receiver stopped.</summary>
    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> PeekMessagesAsync(
        int maxMessages, long? fromSequenceNumber = default, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxMessages, 1);
        ThrowIfClosed();
        var messages = Received(await connection.PeekAsync(EntityPath, session?.SessionId, fromSequenceNumber ?? nextToPeek, maxMessages, cancellationToken));
        if (messages.Count > 0)
            nextToPeek = messages[^1].SequenceNumber + 1;
        return messages;
    }

    public virtual async Task<ServiceBusReceivedMessage> ReceiveDeferredMessageAsync(long sequenceNumber, CancellationToken cancellationToken = default) =>
        (await ReceiveDeferredMessagesAsync([sequenceNumber], cancellationToken))[0];

    public virtual async Task<IReadOnlyList<ServiceBusReceivedMessage>> ReceiveDeferredMessagesAsync(
        IEnumerable<long> sequenceNumbers, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sequenceNumbers);
        ThrowIfClosed();
        long[] numbers = [.. sequenceNumbers];
        return numbers.Length == 0
            ? []
            : Received(await connection.ReceiveDeferredAsync(EntityPath, session, numbers, ReceiveMode == ServiceBusReceiveMode.ReceiveAndDelete, cancellationToken));
    }

    public virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        SettleAsync(message, new Settlement(Outcome.Complete), cancellationToken);

    public virtual Task AbandonMessageAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default) =>
        SettleAsync(message, new Settlement(Outcome.Abandon, propertiesToModify), cancellationToken);

    public virtual Task DeferMessageAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default) =>
        SettleAsync(message, new Settlement(Outcome.Defer, propertiesToModify), cancellationToken);

    public virtual Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default) =>
        SettleAsync(message, new Settlement(Outcome.DeadLetter, propertiesToModify), cancellationToken);

    public virtual Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message, string deadLetterReason, string? deadLetterErrorDescription = default, CancellationToken cancellationToken = default) =>
        DeadLetterAsync(message, null, deadLetterReason, deadLetterErrorDescription, cancellationToken);

    public virtual Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        IDictionary<string, object>? propertiesToModify,
        string deadLetterReason,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default) =>
        DeadLetterAsync(message, propertiesToModify, deadLetterReason, deadLetterErrorDescription, cancellationToken);

    public virtual async Task RenewMessageLockAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ThrowIfClosed();
        if (session is not null)
            throw new InvalidOperationException("The lock of a message in a session is the session's: use RenewSessionLockAsync.");
        message.Delivery.LockedUntil = await connection.RenewAsync(EntityPath, message.Delivery.LockToken, cancellationToken);
    }

    /// <summary>
    /// Messages in hand keep their lock until it expires, unless they are of a session, which is released;
    /// disposing of the client releases all.
    /// </summary>
    public virtual async Task CloseAsync(CancellationToken cancellationToken = default)
    {
        if (IsClosed)
            return;
        closing.Cancel();
        if (session is not null && !client.IsClosed)
            await connection.ReleaseSessionAsync(session, cancellationToken);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    public override string ToString() => $"{GetType().Name} {EntityPath}";

    internal void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        client.ThrowIfClosed();
    }

    private async Task DeadLetterAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? changes, string reason, string? description, CancellationToken cancellation)
    {
        ThrowIfTooLong(reason, "deadLetterReason");
        ThrowIfTooLong(description, "deadLetterErrorDescription");
        await SettleAsync(message, new Settlement(Outcome.DeadLetter, changes, reason, description), cancellation);
    }

    private Task SettleAsync(ServiceBusReceivedMessage message, Settlement settlement, CancellationToken cancellation)
    {
        try
        {
            ArgumentNullException.ThrowIfNull(message);
            ThrowIfClosed();
            if (ReceiveMode != ServiceBusReceiveMode.PeekLock)
                throw new InvalidOperationException("The operation is only supported in 'PeekLock' receive mode.");
            return connection.SettleAsync(EntityPath, session, message.Delivery.LockToken, settlement, cancellation);
        }
        catch (Exception failure)
        {
            return Task.FromException(failure); // as from an async method, which this is not: it would be one more for each message
        }
    }

    private List<ServiceBusReceivedMessage> Received(IReadOnlyList<Delivery> deliveries)
    {
        var messages = new List<ServiceBusReceivedMessage>(deliveries.Count);
        foreach (var delivery in deliveries)
            messages.Add(new ServiceBusReceivedMessage(delivery));
        return messages;
    }

    private static void ThrowIfTooLong(string? value, string name)
    {
        if (value?.Length > MaxReasonLength)
            throw new ArgumentOutOfRangeException(name, $"{name} has {value.Length} characters, {MaxReasonLength} are allowed.");
    }
}
