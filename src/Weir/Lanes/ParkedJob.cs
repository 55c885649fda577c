using System.Globalization;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;

namespace Weir.Lanes;

/// <summary>
/// A job that waits behind the head of its ordering key, as the row "parked-…" that holds its whole message: a message deferred in the broker could not
/// be received by a trigger.
/// </summary>
/// <param name="Order">The broker's sequence number of the message that brought it; smaller goes first.</param>
/// <param name="Queue">Where its message is sent when its turn comes.</param>
/// <param name="Message">What is sent then.</param>
internal sealed record ParkedJob(long Order, Queue Queue, JobMessage Message)
{
    public const string RowPrefix = "parked-";

    /// <summary>A binary property holds 64 KiB; a message's body of 192 KiB is three.</summary>
    private const int ChunkSize = 64 * 1024;

    private const string QueueColumn = "Queue";
    private const string Subject = "Subject";
    private const string Lane = "Lane";
    private const string BodyPrefix = "Body";
    private const string PropertyPrefix = "p_";

    public string Row => string.Create(CultureInfo.InvariantCulture, $"{RowPrefix}{Order:D19}");

    public TableEntity ToRow(string key)
    {
        var message = Message.ToServiceBus();
        var row = new TableEntity(key, Row)
        {
            [QueueColumn] = Queue.ToString(),
            [Subject] = Message.Type,
            [Lane] = Message.Lane,
        };
        // Whatever a message may come to say is kept with it. A column's name is an identifier, so it has no dash.
        foreach (var (name, value) in message.ApplicationProperties)
            row[PropertyPrefix + name.Replace('-', '_')] = value;
        var body = message.Body.ToMemory();
        for (var start = 0; start < body.Length; start += ChunkSize)
            row[BodyPrefix + (start / ChunkSize).ToString(CultureInfo.InvariantCulture)] = body.Slice(start, Math.Min(ChunkSize, body.Length - start)).ToArray();
        return row;
    }

    public static ParkedJob Of(TableEntity row)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var (name, value) in row)
        {
            if (name.StartsWith(PropertyPrefix, StringComparison.Ordinal))
                properties[name[PropertyPrefix.Length..].Replace('_', '-')] = value;
        }
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(BinaryData.FromBytes(BodyOf(row)), sessionId: row.GetString(Lane), subject: row.GetString(Subject), properties: properties);
        return new ParkedJob(
            long.Parse(row.RowKey.AsSpan(RowPrefix.Length), CultureInfo.InvariantCulture),
            Enum.Parse<Queue>(row.GetString(QueueColumn) ?? ""),
            JobMessage.Of(message) ?? throw new InvalidDataException($"The parked job {row.RowKey} of ordering key {row.PartitionKey} cannot be read: it was not written by Weir, or damaged."));
    }

    private static byte[] BodyOf(TableEntity row)
    {
        using var body = new MemoryStream();
        for (var chunk = 0; row.GetBinary(BodyPrefix + chunk.ToString(CultureInfo.InvariantCulture)) is { } bytes; chunk++)
            body.Write(bytes);
        return body.ToArray();
    }
}
