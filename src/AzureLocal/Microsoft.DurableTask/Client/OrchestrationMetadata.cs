using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Microsoft.DurableTask.Client;

public enum OrchestrationRuntimeStatus
{
    Running,
    Completed,

    [Obsolete("The ContinuedAsNew status is obsolete and exists only for compatibility reasons.")]
    ContinuedAsNew,
    Failed,

    [Obsolete("The Canceled status is not currently used and exists only for compatibility reasons.")]
    Canceled,
    Terminated,
    Pending,
    Suspended,
}

/// <summary>An instance as it was when asked for. Input, output and custom status are there only if they were asked for.</summary>
public sealed class OrchestrationMetadata
{
    public OrchestrationMetadata(string name, string instanceId) => (Name, InstanceId) = (name, instanceId);

    public string Name { get; }

    public string InstanceId { get; }

    public DataConverter? DataConverter { get; init; }

    public OrchestrationRuntimeStatus RuntimeStatus { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset LastUpdatedAt { get; init; }

    public string? SerializedInput { get; init; }

    public string? SerializedOutput { get; init; }

    public string? SerializedCustomStatus { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = ImmutableDictionary<string, string>.Empty;

    public TaskFailureDetails? FailureDetails { get; init; }

    public bool IsRunning => RuntimeStatus == OrchestrationRuntimeStatus.Running;

    public bool IsCompleted =>
        RuntimeStatus is OrchestrationRuntimeStatus.Completed or OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated;

    public T? ReadInputAs<T>() => Read<T>(SerializedInput);

    public T? ReadOutputAs<T>() => Read<T>(SerializedOutput);

    public T? ReadCustomStatusAs<T>() => Read<T>(SerializedCustomStatus);

    public override string ToString()
    {
        var text = $"[Name: '{Name}', ID: '{InstanceId}', RuntimeStatus: {RuntimeStatus}";
        text += $", CreatedAt: {CreatedAt:s}, LastUpdatedAt: {LastUpdatedAt:s}";
        if (SerializedInput is not null)
            text += $", Input: '{Shorten(SerializedInput)}'";
        if (SerializedOutput is not null)
            text += $", Output: '{Shorten(SerializedOutput)}'";
        if (FailureDetails is not null)
            text += $", FailureDetails: '{FailureDetails.ErrorType} - {Shorten(FailureDetails.ErrorMessage)}'";
        return text + "]";
    }

    private static string Shorten(string payload) => payload.Length <= 50 ? payload : payload[..50] + "...";

    private T? Read<T>(string? data, [CallerMemberName] string method = "")
    {
        if (DataConverter is null)
            ThrowNotFetched(method);
        return DataConverter.Deserialize<T>(data);
    }

    [DoesNotReturn]
    private static void ThrowNotFetched(string method) => throw new InvalidOperationException(
        $"{method} needs {nameof(OrchestrationMetadata)} that was fetched with inputs and outputs.");
}
