using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus.Administration;

/// <summary>Counts that the broker keeps as it goes: reading them costs the same with a million messages as with none.</summary>
public class QueueRuntimeProperties
{
    internal QueueRuntimeProperties(EntityInfo entity)
    {
        Name = entity.Settings.Path;
        ActiveMessageCount = entity.Active;
        ScheduledMessageCount = entity.Scheduled;
        DeadLetterMessageCount = entity.DeadLettered;
        CreatedAt = entity.CreatedAt;
        UpdatedAt = entity.UpdatedAt;
    }

    public string Name { get; }

    public long TotalMessageCount => ActiveMessageCount + ScheduledMessageCount + DeadLetterMessageCount;

    /// <summary>Messages to be received, in hand or deferred.</summary>
    public long ActiveMessageCount { get; }

    public long DeadLetterMessageCount { get; }

    public long ScheduledMessageCount { get; }

    /// <summary>Always 0: nothing is forwarded here.</summary>
    public long TransferMessageCount { get; }

    /// <summary>Always 0: nothing is forwarded here.</summary>
    public long TransferDeadLetterMessageCount { get; }

    public DateTimeOffset CreatedAt { get; }

    public DateTimeOffset UpdatedAt { get; }
}

/// <inheritdoc cref="QueueRuntimeProperties"/>
public class SubscriptionRuntimeProperties
{
    internal SubscriptionRuntimeProperties(EntityInfo entity)
    {
        (TopicName, SubscriptionName) = EntityPaths.ParseSubscription(entity.Settings.Path);
        ActiveMessageCount = entity.Active;
        DeadLetterMessageCount = entity.DeadLettered;
        CreatedAt = entity.CreatedAt;
        UpdatedAt = entity.UpdatedAt;
    }

    public string TopicName { get; }

    public string SubscriptionName { get; }

    public long TotalMessageCount => ActiveMessageCount + DeadLetterMessageCount;

    /// <inheritdoc cref="QueueRuntimeProperties.ActiveMessageCount"/>
    public long ActiveMessageCount { get; }

    public long DeadLetterMessageCount { get; }

    /// <summary>Always 0: nothing is forwarded here.</summary>
    public long TransferMessageCount { get; }

    /// <summary>Always 0: nothing is forwarded here.</summary>
    public long TransferDeadLetterMessageCount { get; }

    public DateTimeOffset CreatedAt { get; }

    public DateTimeOffset UpdatedAt { get; }
}
