using Azure.Messaging.ServiceBus;

namespace AzureLocal.ServiceBus;

/// <summary>How entities and their dead-letter queues are addressed: <c>queue</c>, <c>topic/Subscriptions/name</c>, and either with <c>/$DeadLetterQueue</c>.</summary>
internal static class EntityPaths
{
    private const string DeadLetterSuffix = "/$DeadLetterQueue";
    private const string SubscriptionsInfix = "/Subscriptions/";

    public static string Subscription(string topic, string subscription)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(topic);
        ArgumentException.ThrowIfNullOrWhiteSpace(subscription);
        return topic + SubscriptionsInfix + subscription;
    }

    public static string Format(string entity, SubQueue part) => part switch
    {
        SubQueue.None => entity,
        SubQueue.DeadLetter => entity + DeadLetterSuffix,
        _ => throw new NotSupportedException("The local Service Bus has no transfer queues."),
    };

    public static (string Entity, bool IsDeadLetter) Parse(string path) => path.EndsWith(DeadLetterSuffix, StringComparison.OrdinalIgnoreCase)
        ? (path[..^DeadLetterSuffix.Length], true)
        : (path, false);

    /// <summary>The topic and the name of the subscription at this path.</summary>
    public static (string Topic, string Subscription) ParseSubscription(string path)
    {
        var at = path.LastIndexOf(SubscriptionsInfix, StringComparison.OrdinalIgnoreCase);
        return (path[..at], path[(at + SubscriptionsInfix.Length)..]);
    }
}
