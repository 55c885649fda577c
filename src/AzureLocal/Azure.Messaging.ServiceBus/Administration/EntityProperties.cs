using AzureLocal.ServiceBus;

namespace Azure.Messaging.ServiceBus.Administration;

public class QueueProperties
{
    internal QueueProperties(EntitySettings settings)
    {
        Name = settings.Path;
        LockDuration = settings.LockDuration;
        MaxDeliveryCount = settings.MaxDeliveryCount;
        RequiresSession = settings.RequiresSession;
        RequiresDuplicateDetection = settings.RequiresDuplicateDetection;
        DuplicateDetectionHistoryTimeWindow = settings.DuplicateDetectionHistoryTimeWindow;
        DefaultMessageTimeToLive = settings.DefaultMessageTimeToLive;
        DeadLetteringOnMessageExpiration = settings.DeadLetteringOnMessageExpiration;
    }

    public string Name { get; }

    public TimeSpan LockDuration { get; set; }

    public int MaxDeliveryCount { get; set; }

    public bool RequiresSession { get; }

    public bool RequiresDuplicateDetection { get; }

    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; set; }

    public TimeSpan DefaultMessageTimeToLive { get; set; }

    public bool DeadLetteringOnMessageExpiration { get; set; }
}

public class TopicProperties
{
    internal TopicProperties(EntitySettings settings)
    {
        Name = settings.Path;
        RequiresDuplicateDetection = settings.RequiresDuplicateDetection;
        DuplicateDetectionHistoryTimeWindow = settings.DuplicateDetectionHistoryTimeWindow;
        DefaultMessageTimeToLive = settings.DefaultMessageTimeToLive;
    }

    public string Name { get; set; }

    public bool RequiresDuplicateDetection { get; set; }

    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; set; }

    public TimeSpan DefaultMessageTimeToLive { get; set; }
}

public class SubscriptionProperties
{
    internal SubscriptionProperties(EntitySettings settings)
    {
        (TopicName, SubscriptionName) = EntityPaths.ParseSubscription(settings.Path);
        LockDuration = settings.LockDuration;
        MaxDeliveryCount = settings.MaxDeliveryCount;
        RequiresSession = settings.RequiresSession;
        DefaultMessageTimeToLive = settings.DefaultMessageTimeToLive;
        DeadLetteringOnMessageExpiration = settings.DeadLetteringOnMessageExpiration;
    }

    public string TopicName { get; set; }

    public string SubscriptionName { get; set; }

    public TimeSpan LockDuration { get; set; }

    public int MaxDeliveryCount { get; set; }

    public bool RequiresSession { get; set; }

    public TimeSpan DefaultMessageTimeToLive { get; set; }

    public bool DeadLetteringOnMessageExpiration { get; set; }
}
