using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus.Administration;

public class CreateQueueOptions
{
    public CreateQueueOptions(string name) => Name = name;

    public CreateQueueOptions(QueueProperties queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        Name = queue.Name;
        LockDuration = queue.LockDuration;
        MaxDeliveryCount = queue.MaxDeliveryCount;
        RequiresSession = queue.RequiresSession;
        RequiresDuplicateDetection = queue.RequiresDuplicateDetection;
        DuplicateDetectionHistoryTimeWindow = queue.DuplicateDetectionHistoryTimeWindow;
        DefaultMessageTimeToLive = queue.DefaultMessageTimeToLive;
        DeadLetteringOnMessageExpiration = queue.DeadLetteringOnMessageExpiration;
    }

    public string Name { get; set; }

    public TimeSpan LockDuration { get; set; } = TimeSpan.FromMinutes(1);

    public int MaxDeliveryCount { get; set; } = 10;

    public bool RequiresSession { get; set; }

    public bool RequiresDuplicateDetection { get; set; }

    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; set; } = TimeSpan.FromMinutes(1);

    public TimeSpan DefaultMessageTimeToLive { get; set; } = TimeSpan.MaxValue;

    public bool DeadLetteringOnMessageExpiration { get; set; }

    internal EntitySettings ToSettings() => new(EntityKind.Queue, Name)
    {
        LockDuration = LockDuration,
        MaxDeliveryCount = MaxDeliveryCount,
        RequiresSession = RequiresSession,
        RequiresDuplicateDetection = RequiresDuplicateDetection,
        DuplicateDetectionHistoryTimeWindow = DuplicateDetectionHistoryTimeWindow,
        DefaultMessageTimeToLive = DefaultMessageTimeToLive,
        DeadLetteringOnMessageExpiration = DeadLetteringOnMessageExpiration,
    };
}

public class CreateTopicOptions
{
    public CreateTopicOptions(string name) => Name = name;

    public string Name { get; set; }

    public bool RequiresDuplicateDetection { get; set; }

    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; set; } = TimeSpan.FromMinutes(1);

    public TimeSpan DefaultMessageTimeToLive { get; set; } = TimeSpan.MaxValue;

    internal EntitySettings ToSettings() => new(EntityKind.Topic, Name)
    {
        RequiresDuplicateDetection = RequiresDuplicateDetection,
        DuplicateDetectionHistoryTimeWindow = DuplicateDetectionHistoryTimeWindow,
        DefaultMessageTimeToLive = DefaultMessageTimeToLive,
    };
}

public class CreateSubscriptionOptions
{
    public CreateSubscriptionOptions(string topicName, string subscriptionName) => (TopicName, SubscriptionName) = (topicName, subscriptionName);

    public string TopicName { get; set; }

    public string SubscriptionName { get; set; }

    public TimeSpan LockDuration { get; set; } = TimeSpan.FromMinutes(1);

    public int MaxDeliveryCount { get; set; } = 10;

    public bool RequiresSession { get; set; }

    public TimeSpan DefaultMessageTimeToLive { get; set; } = TimeSpan.MaxValue;

    public bool DeadLetteringOnMessageExpiration { get; set; }

    internal EntitySettings ToSettings() => new(EntityKind.Subscription, EntityPaths.Subscription(TopicName, SubscriptionName))
    {
        LockDuration = LockDuration,
        MaxDeliveryCount = MaxDeliveryCount,
        RequiresSession = RequiresSession,
        DefaultMessageTimeToLive = DefaultMessageTimeToLive,
        DeadLetteringOnMessageExpiration = DeadLetteringOnMessageExpiration,
    };
}
