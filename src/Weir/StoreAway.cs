using Azure;
using Azure.Messaging.ServiceBus;

namespace Weir;

/// <summary>Tells a table or a broker that does not answer from a mistake of ours.</summary>
internal static class StoreAway
{
    /// <summary>
    /// Azure.Core throws an AggregateException of every try's failure when the last of its retries has found no connection, and the failure
    /// itself when a service answered.
    /// </summary>
    public static bool Explains(Exception failure) => failure switch
    {
        RequestFailedException or ServiceBusException or TimeoutException => true,
        AggregateException { InnerExceptions.Count: > 0 } many => many.InnerExceptions.All(Explains),
        _ => false,
    };
}
