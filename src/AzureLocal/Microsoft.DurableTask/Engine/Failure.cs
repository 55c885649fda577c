using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.DurableTask.Engine;

/// <summary>The stored form of <see cref="TaskFailureDetails"/>.</summary>
internal sealed record Failure(string Type, string Message, string? Stack, Failure? Inner, bool NonRetriable)
{
    /// <summary>Stack traces beyond this are cut: a failure is copied into history, status and every parent.</summary>
    private const int MaxStack = 8_192;

    public static string ToJson(TaskFailureDetails details) => JsonSerializer.Serialize(From(details), EngineJson.Default.Failure);

    public static TaskFailureDetails FromJson(string json) => JsonSerializer.Deserialize(json, EngineJson.Default.Failure)!.ToDetails();

    private static Failure From(TaskFailureDetails details)
    {
        var stack = details.StackTrace is { Length: > MaxStack } long_ ? long_[..MaxStack] + "…" : details.StackTrace;
        var inner = details.InnerFailure is null ? null : From(details.InnerFailure);
        return new(details.ErrorType, details.ErrorMessage, stack, inner, details.IsNonRetriable);
    }

    private TaskFailureDetails ToDetails() => new(Type, Message, Stack, Inner?.ToDetails(), null) { IsNonRetriable = NonRetriable };
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(Failure))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class EngineJson : JsonSerializerContext;
