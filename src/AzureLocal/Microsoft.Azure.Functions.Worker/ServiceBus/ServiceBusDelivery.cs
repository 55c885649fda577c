using System.Reflection;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;

namespace AzureLocal.Functions;

/// <summary>One message at one function: what the function's parameters take from it, and what the function did with it.</summary>
internal sealed class ServiceBusDelivery(ServiceBusReceiver receiver, ServiceBusReceivedMessage message) : ITriggerData
{
    private ServiceBusMessageActions? actions;
    private ServiceBusSessionMessageActions? sessionActions;

    public ServiceBusReceivedMessage Message => message;

    /// <summary>Completed, abandoned, dead-lettered or deferred by the function itself.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>The function wants the session given back after this message.</summary>
    public bool ReleasesSession { get; private set; }

    public string? TraceParent =>
        (message.ApplicationProperties.GetValueOrDefault("traceparent") ?? message.ApplicationProperties.GetValueOrDefault("Diagnostic-Id")) as string;

    public ServiceBusMessageActions Actions =>
        actions ??= new ServiceBusMessageActions(receiver, settled => IsSettled |= ReferenceEquals(settled, message) || settled.LockToken == message.LockToken);

    public ServiceBusSessionMessageActions SessionActions =>
        sessionActions ??= new ServiceBusSessionMessageActions((ServiceBusSessionReceiver)receiver, () => ReleasesSession = true);

    public static Binder? Bind(FoundFunction function, bool sessions, ParameterInfo parameter)
    {
        if (parameter == function.Parameter)
            return BindMessage(parameter.ParameterType);
        if (parameter.ParameterType == typeof(ServiceBusMessageActions))
            return static invocation => Of(invocation).Actions;
        if (parameter.ParameterType == typeof(ServiceBusSessionMessageActions) && sessions)
            return static invocation => Of(invocation).SessionActions;
        return null;
    }

    public IReadOnlyDictionary<string, object?> BindingData() => new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase)
    {
        ["MessageId"] = message.MessageId,
        ["SessionId"] = message.SessionId,
        ["Subject"] = message.Subject,
        ["CorrelationId"] = message.CorrelationId,
        ["ContentType"] = message.ContentType,
        ["DeliveryCount"] = message.DeliveryCount,
        ["SequenceNumber"] = message.SequenceNumber,
        ["EnqueuedTimeUtc"] = message.EnqueuedTime.UtcDateTime,
        ["LockToken"] = message.LockToken,
    };

    private static Binder? BindMessage(Type type) =>
        type == typeof(ServiceBusReceivedMessage) ? static invocation => Of(invocation).Message
        : type == typeof(BinaryData) ? static invocation => Of(invocation).Message.Body
        : type == typeof(string) ? static invocation => Of(invocation).Message.Body.ToString()
        : type == typeof(byte[]) ? static invocation => Of(invocation).Message.Body.ToArray()
        : null;

    private static ServiceBusDelivery Of(Invocation invocation) => (ServiceBusDelivery)invocation.Trigger;
}
