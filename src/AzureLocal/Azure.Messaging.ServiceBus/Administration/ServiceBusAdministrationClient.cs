using Azure.Core;
using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus.Administration;

/// <summary>Makes, changes, counts and removes entities. It holds nothing that would need to be disposed of.</summary>
public class ServiceBusAdministrationClient
{
    private readonly IBroker broker;
    private readonly OperationCounts operations;

    /// <summary>For mocking.</summary>
    protected ServiceBusAdministrationClient() => (broker, operations) = (null!, null!);

    /// <summary>The official type is not disposable, so the data directory stays open until the process ends.</summary>
    public ServiceBusAdministrationClient(string connectionString) : this(LocalBroker.Open(connectionString).Broker)
    {
    }

    public ServiceBusAdministrationClient(string fullyQualifiedNamespace, TokenCredential credential) => throw LocalBroker.NoNetwork(fullyQualifiedNamespace);

    /// <summary>Over a broker that the caller owns.</summary>
    internal ServiceBusAdministrationClient(IBroker broker) => (this.broker, operations) = (broker, broker.Operations);

    public virtual Task<Response<QueueProperties>> CreateQueueAsync(string name, CancellationToken cancellationToken = default) =>
        CreateQueueAsync(new CreateQueueOptions(name), cancellationToken);

    public virtual async Task<Response<QueueProperties>> CreateQueueAsync(CreateQueueOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var entity = await broker.CreateEntityAsync(options.ToSettings(), [], cancellationToken);
        return Answer.Created(new QueueProperties(entity.Settings));
    }

    /// <summary>Changes what may be changed after creation.</summary>
    public virtual async Task<Response<QueueProperties>> UpdateQueueAsync(QueueProperties queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var entity = await broker.UpdateEntityAsync(new CreateQueueOptions(queue).ToSettings(), cancellationToken);
        return Answer.Ok(new QueueProperties(entity.Settings));
    }

    public virtual Task<Response> DeleteQueueAsync(string name, CancellationToken cancellationToken = default) => DeleteAsync(name, cancellationToken);

    public virtual Task<Response<bool>> QueueExistsAsync(string name, CancellationToken cancellationToken = default) =>
        ExistsAsync(EntityKind.Queue, name, cancellationToken);

    public virtual async Task<Response<QueueProperties>> GetQueueAsync(string name, CancellationToken cancellationToken = default) =>
        Answer.Ok(new QueueProperties((await GetAsync(EntityKind.Queue, name, cancellationToken)).Settings));

    public virtual async Task<Response<QueueRuntimeProperties>> GetQueueRuntimePropertiesAsync(string name, CancellationToken cancellationToken = default)
    {
        operations.Add("RuntimeProperties");
        return Answer.Ok(new QueueRuntimeProperties(await GetAsync(EntityKind.Queue, name, cancellationToken)));
    }

    public virtual Task<Response<TopicProperties>> CreateTopicAsync(string name, CancellationToken cancellationToken = default) =>
        CreateTopicAsync(new CreateTopicOptions(name), cancellationToken);

    public virtual async Task<Response<TopicProperties>> CreateTopicAsync(CreateTopicOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var entity = await broker.CreateEntityAsync(options.ToSettings(), [], cancellationToken);
        return Answer.Created(new TopicProperties(entity.Settings));
    }

    public virtual Task<Response> DeleteTopicAsync(string name, CancellationToken cancellationToken = default) => DeleteAsync(name, cancellationToken);

    public virtual Task<Response<bool>> TopicExistsAsync(string name, CancellationToken cancellationToken = default) =>
        ExistsAsync(EntityKind.Topic, name, cancellationToken);

    public virtual async Task<Response<TopicProperties>> GetTopicAsync(string name, CancellationToken cancellationToken = default) =>
        Answer.Ok(new TopicProperties((await GetAsync(EntityKind.Topic, name, cancellationToken)).Settings));

    public virtual Task<Response<SubscriptionProperties>> CreateSubscriptionAsync(
        string topicName, string subscriptionName, CancellationToken cancellationToken = default) =>
        CreateSubscriptionAsync(new CreateSubscriptionOptions(topicName, subscriptionName), cancellationToken);

    public virtual Task<Response<SubscriptionProperties>> CreateSubscriptionAsync(
        CreateSubscriptionOptions options, CancellationToken cancellationToken = default) =>
        CreateSubscriptionAsync(options, new CreateRuleOptions(), cancellationToken);

    /// <summary>The rule stands in for the default one, which takes every message.</summary>
    public virtual async Task<Response<SubscriptionProperties>> CreateSubscriptionAsync(
        CreateSubscriptionOptions options, CreateRuleOptions rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(rule);
        var entity = await broker.CreateEntityAsync(options.ToSettings(), [rule.ToRule()], cancellationToken);
        return Answer.Created(new SubscriptionProperties(entity.Settings));
    }

    public virtual Task<Response> DeleteSubscriptionAsync(string topicName, string subscriptionName, CancellationToken cancellationToken = default) =>
        DeleteAsync(EntityPaths.Subscription(topicName, subscriptionName), cancellationToken);

    public virtual Task<Response<bool>> SubscriptionExistsAsync(string topicName, string subscriptionName, CancellationToken cancellationToken = default) =>
        ExistsAsync(EntityKind.Subscription, EntityPaths.Subscription(topicName, subscriptionName), cancellationToken);

    public virtual async Task<Response<SubscriptionProperties>> GetSubscriptionAsync(
        string topicName, string subscriptionName, CancellationToken cancellationToken = default)
    {
        var entity = await GetAsync(EntityKind.Subscription, EntityPaths.Subscription(topicName, subscriptionName), cancellationToken);
        return Answer.Ok(new SubscriptionProperties(entity.Settings));
    }

    public virtual async Task<Response<SubscriptionRuntimeProperties>> GetSubscriptionRuntimePropertiesAsync(
        string topicName, string subscriptionName, CancellationToken cancellationToken = default)
    {
        operations.Add("RuntimeProperties");
        var entity = await GetAsync(EntityKind.Subscription, EntityPaths.Subscription(topicName, subscriptionName), cancellationToken);
        return Answer.Ok(new SubscriptionRuntimeProperties(entity));
    }

    public virtual async Task<Response<RuleProperties>> CreateRuleAsync(
        string topicName, string subscriptionName, CreateRuleOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var rule = options.ToRule();
        await broker.CreateRuleAsync(EntityPaths.Subscription(topicName, subscriptionName), rule, cancellationToken);
        return Answer.Created(new RuleProperties(rule));
    }

    public virtual async Task<Response> DeleteRuleAsync(
        string topicName, string subscriptionName, string ruleName, CancellationToken cancellationToken = default)
    {
        await broker.DeleteRuleAsync(EntityPaths.Subscription(topicName, subscriptionName), ruleName, cancellationToken);
        return new Answer(200);
    }

    private async Task<Response> DeleteAsync(string path, CancellationToken cancellation)
    {
        await broker.DeleteEntityAsync(path, cancellation);
        return new Answer(200);
    }

    private async Task<Response<bool>> ExistsAsync(EntityKind kind, string path, CancellationToken cancellation) =>
        Answer.Ok(await broker.FindEntityAsync(path, cancellation) is { } entity && entity.Settings.Kind == kind);

    private async Task<EntityInfo> GetAsync(EntityKind kind, string path, CancellationToken cancellation) =>
        await broker.FindEntityAsync(path, cancellation) is { } entity && entity.Settings.Kind == kind
            ? entity
            : throw new ServiceBusException($"The {kind.ToString().ToLowerInvariant()} does not exist.", ServiceBusFailureReason.MessagingEntityNotFound, path);
}
