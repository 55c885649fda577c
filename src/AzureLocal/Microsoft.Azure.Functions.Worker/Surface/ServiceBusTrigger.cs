using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute
{
    public ServiceBusTriggerAttribute(string queueName) => QueueName = queueName;

    public ServiceBusTriggerAttribute(string topicName, string subscriptionName) =>
        (TopicName, SubscriptionName) = (topicName, subscriptionName);

    public string? QueueName { get; }

    public string? TopicName { get; }

    public string? SubscriptionName { get; }

    /// <summary>The setting that holds the connection string; AzureWebJobsServiceBus when empty.</summary>
    public string? Connection { get; set; }

    public bool IsSessionsEnabled { get; set; }

    public bool IsBatched { get; set; }

    /// <summary>Set, it wins over host.json; not set, host.json decides, whose default is true.</summary>
    public bool AutoCompleteMessages { get; set; }
}
