namespace Weir.Lanes;

/// <summary>The queues' names in Service Bus. Triggers take them from here; a test holds <c>infra/servicebus.json</c> to them.</summary>
public static class QueueNames
{
    public const string Critical = "weir-critical";
    public const string Default = "weir-default";
    public const string Bulk = "weir-bulk";

    /// <summary>Behind a queue's name: where its messages go that nobody can bring to an end.</summary>
    public const string DeadLetters = "/$deadletterqueue";

    /// <summary>The topic on which the ends of jobs are told.</summary>
    public const string Events = "weir-events";

    public static string Of(Queue queue) => queue switch
    {
        Queue.Critical => Critical,
        Queue.Bulk => Bulk,
        _ => Default,
    };
}
