using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Weir.Batches;
using Weir.Catalog;
using Weir.Completion;
using Weir.Schedules;
using Weir.Uniqueness;

namespace Weir.Submission;

/// <summary>A submission as it was asked for, well-formed but not yet compared with the catalogue.</summary>
internal sealed record SubmitRequest(string Type, JsonElement Payload)
{
    public int? Version { get; init; }

    public Queue? Priority { get; init; }

    public string? OrderingKey { get; init; }

    public string? CorrelationId { get; init; }

    public Timing Timing { get; init; } = Timing.None;

    public UniqueRequest? Unique { get; init; }

    /// <summary>Who is to be told of the end, by a webhook.</summary>
    public string? CallbackUrl { get; init; }

    /// <summary>The item of a batch that it is to be; its id follows from that. Nothing that comes from outside sets this.</summary>
    public BatchItem? Batch { get; init; }

    /// <summary>Weir itself asks: it may use its own types. Nothing that comes from outside sets this.</summary>
    public bool IsInternal { get; init; }

    /// <summary>The workflow that waits for the job's end, and in which step.</summary>
    public string? ParentId { get; init; }

    public string? ParentStep { get; init; }

    /// <summary>The occurrence of a schedule that it is: a job of its own, whose id follows from it.</summary>
    public ScheduledOccurrence? Occurrence { get; init; }

    /// <summary>The longest ordering key and correlation id, in characters: a Service Bus property of that kind holds 128.</summary>
    public const int MaxKey = 128;

    private static readonly string[] Known = ["type", "payload", "version", "priority", "orderingKey", "correlationId", .. Timing.Fields, "unique", "callbackUrl"];

    /// <summary>Reads one submission, or says everything that is wrong with its form.</summary>
    /// <param name="body">The submission.</param>
    /// <param name="errors">Gets what is wrong.</param>
    /// <param name="read">A field that the caller has read already, if any.</param>
    public static SubmitRequest? Read(JsonElement body, List<ContractError> errors, string? read = null)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with at least \"type\" and \"payload\""));
            return null;
        }
        foreach (var field in body.EnumerateObject())
        {
            if (errors.Count < ContractError.Most && !Known.Contains(field.Name) && field.Name != read)
                errors.Add(new($"/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", $"unknown field; expected one of {string.Join(", ", Known)}"));
        }

        var type = Text(body, "type", 64, errors);
        if (type is null && !body.TryGetProperty("type", out _))
            errors.Add(new("/type", "required, but missing"));
        if (!body.TryGetProperty("payload", out var payload))
            errors.Add(new("/payload", "required, but missing"));

        var request = new SubmitRequest(type ?? "", payload)
        {
            Version = PositiveNumber(body, "version", errors),
            Priority = PriorityOf(body, errors),
            OrderingKey = Text(body, "orderingKey", MaxKey, errors),
            CorrelationId = Text(body, "correlationId", MaxKey, errors),
            Timing = Timing.Read(body, errors),
            Unique = UniqueRequest.Read(body, errors),
            CallbackUrl = Text(body, "callbackUrl", CallbackUrls.MaxLength, errors),
        };
        return errors.Count == 0 ? request : null;
    }

    private static string? Text(JsonElement body, string name, int most, List<ContractError> errors)
    {
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text && text.Length <= most)
            return text;
        errors.Add(new($"/{name}", $"expected a string of 1 to {most} characters"));
        return null;
    }

    private static int? PositiveNumber(JsonElement body, string name, List<ContractError> errors)
    {
        if (!body.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 1)
            return number;
        errors.Add(new($"/{name}", "expected a whole number from 1"));
        return null;
    }

    private static Queue? PriorityOf(JsonElement body, List<ContractError> errors)
    {
        if (!body.TryGetProperty("priority", out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        Queue? queue = value.ValueKind != JsonValueKind.String ? null : value.GetString() switch
        {
            "critical" => Queue.Critical,
            "default" => Queue.Default,
            "bulk" => Queue.Bulk,
            _ => null,
        };
        if (queue is null)
            errors.Add(new("/priority", "expected \"critical\", \"default\" or \"bulk\""));
        return queue;
    }
}

/// <summary>A payload as it is kept: JSON without white space, so that a key sent again with another layout is still the same request.</summary>
internal sealed record Payload(ReadOnlyMemory<byte> Bytes, string Hash)
{
    private static readonly JsonTypeInfo<JsonElement> Plain = (JsonTypeInfo<JsonElement>)JsonSerializerOptions.Default.GetTypeInfo(typeof(JsonElement));

    public static Payload Of(JsonElement json)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(json, Plain);
        return new Payload(bytes, HashOf(bytes));
    }

    /// <summary>SHA-256 in lower-case hexadecimal.</summary>
    public static string HashOf(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return Convert.ToHexStringLower(hash);
    }
}
