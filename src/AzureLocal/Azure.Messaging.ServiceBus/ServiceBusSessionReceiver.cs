using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

/// <summary>Holds one session: nobody else receives its messages until it is closed or its lock expires.</summary>
public class ServiceBusSessionReceiver : ServiceBusReceiver
{
    private readonly SessionLock session;

    /// <summary>For mocking.</summary>
    protected ServiceBusSessionReceiver() => session = null!;

    internal ServiceBusSessionReceiver(ServiceBusClient client, string entityPath, ServiceBusReceiveMode mode, string? identifier, SessionLock session)
        : base(client, entityPath, mode, identifier, session) => this.session = session;

    public virtual string SessionId => session.SessionId;

    public virtual DateTimeOffset SessionLockedUntil => session.LockedUntil;

    public override bool IsClosed => base.IsClosed;

    public virtual async Task RenewSessionLockAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        await Connection.RenewSessionAsync(session, cancellationToken);
    }

    public virtual async Task<BinaryData?> GetSessionStateAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        return await Connection.GetSessionStateAsync(session, cancellationToken) is { } state ? new BinaryData(state) : null;
    }

    /// <summary>State stays until it is set to null, also when the session has no message left.</summary>
    public virtual async Task SetSessionStateAsync(BinaryData? sessionState, CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        await Connection.SetSessionStateAsync(session, sessionState?.ToArray(), cancellationToken);
    }
}
