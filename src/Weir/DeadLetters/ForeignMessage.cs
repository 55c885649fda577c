using System.Globalization;
using System.Text.Json;
using Azure.Messaging.ServiceBus;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir.DeadLetters;

/// <summary>A dead message that is no job of ours, or whose receipt is gone: kept as it came, for somebody to look at.</summary>
/// <param name="Entry">What the catalogue says of it.</param>
/// <param name="Body">Up to 1 MiB, more than a message of the Standard tier holds (256 KB).</param>
/// <param name="Properties">Everything else of the message, as a JSON object.</param>
internal sealed record ForeignMessage(DeadLetter Entry, ReadOnlyMemory<byte> Body, ReadOnlyMemory<byte> Properties)
{
    private const int MaxBody = 1024 * 1024;
    private const int MaxText = 1_000;

    public static ForeignMessage Of(ServiceBusReceivedMessage message, Queue queue, string why)
    {
        var whole = message.Body.ToMemory();
        var body = whole.Length <= MaxBody ? whole : whole[..MaxBody];
        var ours = JobMessage.Of(message);
        var type = Cut(ours?.Type ?? message.Subject);
        var error = new JobError(ErrorClass.Permanent, Cut(message.DeadLetterReason) ?? DeadLetterReason.Poison, Cut(message.DeadLetterErrorDescription) ?? why, Stack: null);
        var entry = new DeadLetter(IdOf(message, queue), message.EnqueuedTime, DeadLetterReason.Poison, Fingerprint.Of(type ?? "", error.Type, error.Message, stack: null))
        {
            Foreign = true,
            Type = type,
            Version = ours?.Version,
            Tenant = Cut(ours?.Tenant),
            Queue = queue,
            Lane = Cut(message.SessionId),
            OrderingKey = Cut(ours?.OrderingKey),
            CorrelationId = Cut(message.CorrelationId),
            Error = error,
            SubmittedAt = message.EnqueuedTime,
            TraceParent = Cut(ours?.TraceParent),
            MessageId = Cut(message.MessageId),
            PayloadBytes = whole.Length,
            PayloadHash = Payload.HashOf(whole.Span),
            PayloadDamaged = body.Length < whole.Length,
        };
        return new ForeignMessage(entry, body, PropertiesOf(message));
    }

    /// <summary>Follows from where the message lay, so that a second delivery of it is kept in the same place.</summary>
    private static string IdOf(ServiceBusReceivedMessage message, Queue queue) => JobId.FromKey(
        "", QueueNames.Of(queue) + QueueNames.DeadLetters, string.Create(CultureInfo.InvariantCulture, $"{message.SequenceNumber}:{message.EnqueuedTime.UtcTicks}:{message.MessageId}"));

    private static byte[] PropertiesOf(ServiceBusReceivedMessage message) => JsonSerializer.SerializeToUtf8Bytes(
        new ForeignProperties(
            message.MessageId, message.SessionId, message.Subject, message.ContentType, message.CorrelationId, message.To, message.ReplyTo,
            message.SequenceNumber, message.EnqueuedTime, message.DeliveryCount, message.DeadLetterReason, message.DeadLetterErrorDescription,
            message.ApplicationProperties.ToDictionary(property => property.Key, property => TextOf(property.Value))),
        ForeignJson.Default.ForeignProperties);

    private static string? TextOf(object? value) => value is byte[] bytes ? Convert.ToBase64String(bytes) : Convert.ToString(value, CultureInfo.InvariantCulture);

    private static string? Cut(string? text) => text is null || text.Length <= MaxText ? text : text[..MaxText];
}

internal sealed record ForeignProperties(
    string? MessageId, string? SessionId, string? Subject, string? ContentType, string? CorrelationId, string? To, string? ReplyTo,
    long SequenceNumber, DateTimeOffset EnqueuedTime, int DeliveryCount, string? DeadLetterReason, string? DeadLetterErrorDescription,
    Dictionary<string, string?> ApplicationProperties);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[System.Text.Json.Serialization.JsonSerializable(typeof(ForeignProperties))]
internal sealed partial class ForeignJson : System.Text.Json.Serialization.JsonSerializerContext;
