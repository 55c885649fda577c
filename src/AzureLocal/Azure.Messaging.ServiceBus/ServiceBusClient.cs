using Azure.Core;
using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus;

/// <summary>
/// A connection to the broker in a data directory. Everything that it locked, through whichever receiver, is free once it is disposed.
/// </summary>
public class ServiceBusClient : IAsyncDisposable
{
    private readonly LocalBroker? opened;
    private int identifiers;

    /// <summary>For mocking.</summary>
    protected ServiceBusClient() => (Connection, FullyQualifiedNamespace, Identifier) = (null!, "", "");

    public ServiceBusClient(string connectionString) : this(connectionString, new ServiceBusClientOptions())
    {
    }

    public ServiceBusClient(string connectionString, ServiceBusClientOptions options) : this(LocalBroker.Open(connectionString), options)
    {
    }

    public ServiceBusClient(string fullyQualifiedNamespace, TokenCredential credential) : this(fullyQualifiedNamespace, credential, new ServiceBusClientOptions())
    {
    }

    public ServiceBusClient(string fullyQualifiedNamespace, TokenCredential credential, ServiceBusClientOptions options) =>
        throw LocalBroker.NoNetwork(fullyQualifiedNamespace);

    /// <summary>Over a broker that the caller owns: the host's, a test's, a simulation's.</summary>
    internal ServiceBusClient(IBroker broker, ServiceBusClientOptions? options = null)
    {
        TryTimeout = options?.RetryOptions.TryTimeout ?? new ServiceBusRetryOptions().TryTimeout;
        TransportType = options?.TransportType ?? default;
        Connection = broker.Connect();
        Identifier = options?.Identifier ?? $"{FullyQualifiedNamespace}-{Connection.Id}";
    }

    private ServiceBusClient(LocalBroker opened, ServiceBusClientOptions options) : this(opened.Broker, options) => this.opened = opened;

    public virtual string FullyQualifiedNamespace { get; } = "localhost";

    public virtual string Identifier { get; }

    public virtual bool IsClosed { get; private set; }

    public ServiceBusTransportType TransportType { get; }

    internal IBrokerConnection Connection { get; }

    internal TimeSpan TryTimeout { get; }

    public virtual ServiceBusSender CreateSender(string queueOrTopicName) => CreateSender(queueOrTopicName, new ServiceBusSenderOptions());

    public virtual ServiceBusSender CreateSender(string queueOrTopicName, ServiceBusSenderOptions options)
    {
        ThrowIfUnusable(queueOrTopicName);
        return new ServiceBusSender(this, queueOrTopicName, options?.Identifier);
    }

    public virtual ServiceBusReceiver CreateReceiver(string queueName) => CreateReceiver(queueName, new ServiceBusReceiverOptions());

    public virtual ServiceBusReceiver CreateReceiver(string queueName, ServiceBusReceiverOptions options)
    {
        ThrowIfUnusable(queueName);
        return new ServiceBusReceiver(this, EntityPaths.Format(queueName, options?.SubQueue ?? SubQueue.None), options?.ReceiveMode ?? default, options?.Identifier);
    }

    public virtual ServiceBusReceiver CreateReceiver(string topicName, string subscriptionName) =>
        CreateReceiver(topicName, subscriptionName, new ServiceBusReceiverOptions());

    public virtual ServiceBusReceiver CreateReceiver(string topicName, string subscriptionName, ServiceBusReceiverOptions options) =>
        CreateReceiver(EntityPaths.Subscription(topicName, subscriptionName), options);

    /// <summary>
    /// The session that has waited longest for a receiver. Waits for one as long as <see cref="ServiceBusRetryOptions.TryTimeout"/>,
    /// then throws a <see cref="ServiceBusException"/> with <see cref="ServiceBusFailureReason.ServiceTimeout"/>.
    /// </summary>
    public virtual Task<ServiceBusSessionReceiver> AcceptNextSessionAsync(
        string queueName, ServiceBusSessionReceiverOptions? options = default, CancellationToken cancellationToken = default) =>
        AcceptAsync(queueName, null, options, cancellationToken);

    public virtual Task<ServiceBusSessionReceiver> AcceptNextSessionAsync(
        string topicName, string subscriptionName, ServiceBusSessionReceiverOptions? options = default, CancellationToken cancellationToken = default) =>
        AcceptAsync(EntityPaths.Subscription(topicName, subscriptionName), null, options, cancellationToken);

    public virtual Task<ServiceBusSessionReceiver> AcceptSessionAsync(
        string queueName, string sessionId, ServiceBusSessionReceiverOptions? options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        return AcceptAsync(queueName, sessionId, options, cancellationToken);
    }

    public virtual Task<ServiceBusSessionReceiver> AcceptSessionAsync(
        string topicName, string subscriptionName, string sessionId, ServiceBusSessionReceiverOptions? options = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        return AcceptAsync(EntityPaths.Subscription(topicName, subscriptionName), sessionId, options, cancellationToken);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (IsClosed)
            return;
        IsClosed = true;
        await Connection.CloseAsync();
        opened?.Dispose();
        GC.SuppressFinalize(this);
    }

    internal string NewIdentifier(string entityPath) => $"{entityPath}-{Connection.Id}-{Interlocked.Increment(ref identifiers)}";

    internal void ThrowIfClosed() => ObjectDisposedException.ThrowIf(IsClosed, typeof(ServiceBusClient));

    private async Task<ServiceBusSessionReceiver> AcceptAsync(
        string entityPath, string? sessionId, ServiceBusSessionReceiverOptions? options, CancellationToken cancellation)
    {
        ThrowIfUnusable(entityPath);
        var session = await Connection.AcceptSessionAsync(entityPath, sessionId, TryTimeout, options?.ReadsAhead ?? false, cancellation);
        return new ServiceBusSessionReceiver(this, entityPath, options?.ReceiveMode ?? default, options?.Identifier, session);
    }

    private void ThrowIfUnusable(string entityPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(entityPath);
        ThrowIfClosed();
    }
}
