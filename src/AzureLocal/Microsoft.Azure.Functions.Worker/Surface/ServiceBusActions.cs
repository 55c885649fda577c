using Azure.Messaging.ServiceBus;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>Settles the message that runs a function.</summary>
public class ServiceBusMessageActions
{
    private readonly ServiceBusReceiver? receiver;
    private readonly Action<ServiceBusReceivedMessage>? settled;

    internal ServiceBusMessageActions(ServiceBusReceiver receiver, Action<ServiceBusReceivedMessage> settled) =>
        (this.receiver, this.settled) = (receiver, settled);

    /// <summary>For mocks: an instance made by it can do nothing by itself.</summary>
    protected ServiceBusMessageActions()
    {
    }

    private ServiceBusReceiver Receiver => receiver ?? throw IsMock();

    public virtual async Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default)
    {
        await Receiver.CompleteMessageAsync(message, cancellationToken);
        settled!(message);
    }

    public virtual async Task AbandonMessageAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default)
    {
        await Receiver.AbandonMessageAsync(message, propertiesToModify, cancellationToken);
        settled!(message);
    }

    public virtual async Task DeferMessageAsync(
        ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default)
    {
        await Receiver.DeferMessageAsync(message, propertiesToModify, cancellationToken);
        settled!(message);
    }

    public virtual async Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default)
    {
        await Receiver.DeadLetterMessageAsync(message, propertiesToModify, deadLetterReason!, deadLetterErrorDescription, cancellationToken);
        settled!(message);
    }

    public virtual Task RenewMessageLockAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        Receiver.RenewMessageLockAsync(message, cancellationToken);

    internal static InvalidOperationException IsMock() => new("Made by the constructor for mocks, which gives it nothing to work on: override the member.");
}

/// <summary>Acts on the session of the message that runs a function.</summary>
public class ServiceBusSessionMessageActions
{
    private readonly ServiceBusSessionReceiver? receiver;
    private readonly Action? release;

    internal ServiceBusSessionMessageActions(ServiceBusSessionReceiver receiver, Action release)
    {
        (this.receiver, this.release) = (receiver, release);
        SessionLockedUntil = receiver.SessionLockedUntil;
    }

    /// <summary>For mocks: an instance made by it can do nothing by itself.</summary>
    protected ServiceBusSessionMessageActions()
    {
    }

    /// <summary>As of the start of the function or its own last renewal: the host's renewals do not show here, as they do not in Azure.</summary>
    public virtual DateTimeOffset SessionLockedUntil { get; protected set; }

    private ServiceBusSessionReceiver Receiver => receiver ?? throw ServiceBusMessageActions.IsMock();

    /// <summary>Empty when there is none: the worker's protocol cannot say null.</summary>
    public virtual async Task<BinaryData> GetSessionStateAsync(CancellationToken cancellationToken = default) =>
        await Receiver.GetSessionStateAsync(cancellationToken) ?? new BinaryData(Array.Empty<byte>());

    public virtual Task SetSessionStateAsync(BinaryData sessionState, CancellationToken cancellationToken = default) =>
        Receiver.SetSessionStateAsync(sessionState, cancellationToken);

    /// <summary>Gives the session back once the message at hand is done, without waiting for more.</summary>
    public virtual Task ReleaseSession(CancellationToken cancellationToken = default)
    {
        if (release is null)
            throw ServiceBusMessageActions.IsMock();
        release();
        return Task.CompletedTask;
    }

    public virtual async Task RenewSessionLockAsync(CancellationToken cancellationToken = default)
    {
        await Receiver.RenewSessionLockAsync(cancellationToken);
        SessionLockedUntil = Receiver.SessionLockedUntil;
    }
}
