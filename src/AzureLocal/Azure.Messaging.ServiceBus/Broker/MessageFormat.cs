using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.Serialization;
using System.Text;

namespace AzureLocal.ServiceBus;

/// <summary>
/// The stored form of a message: a version byte, the fields in their order, the properties with a type byte each, the body to the end.
/// Values come back as they do over AMQP: a DateTime in UTC and whole milliseconds, a DateTimeOffset in UTC.
/// </summary>
internal static class MessageFormat
{
    /// <summary>What Azure allows a message of the Standard tier, properties included.</summary>
    public const int MaxBytes = 256 * 1024;

    private const byte Version = 1;

    private enum Kind : byte
    {
        Null, String, True, False, SByte, Byte, Int16, UInt16, Int32, UInt32, Int64, UInt64, Single, Double, Decimal, Char, Guid,
        DateTime, DateTimeOffset, TimeSpan, Uri, Bytes,
    }

    public static byte[] Encode(BrokerMessage message)
    {
        var writer = new Writer();
        try
        {
            Encode(ref writer, message);
            return writer.ToArray();
        }
        finally
        {
            writer.Dispose();
        }
    }

    private static void Encode(ref Writer writer, BrokerMessage message)
    {
        writer.Byte(Version);
        writer.Text(message.MessageId);
        writer.Text(message.SessionId);
        writer.Text(message.PartitionKey);
        writer.Text(message.ReplyToSessionId);
        writer.Text(message.CorrelationId);
        writer.Text(message.Subject);
        writer.Text(message.To);
        writer.Text(message.ReplyTo);
        writer.Text(message.ContentType);
        writer.Int64(message.TimeToLive.Ticks);
        writer.Int64(message.ScheduledEnqueueTime.UtcTicks);
        writer.Length(message.HasProperties ? message.Properties.Count : 0);
        if (message.HasProperties)
        {
            foreach (var (name, value) in message.Properties)
            {
                writer.Text(name);
                Encode(ref writer, name, value);
            }
        }
        writer.Raw(message.Body.ToMemory().Span);
    }

    public static BrokerMessage Decode(byte[] content)
    {
        var reader = new Reader(content);
        if (reader.Byte() != Version)
            throw new InvalidDataException($"A stored message has format {content[0]}, this program reads format {Version}.");
        var message = new BrokerMessage
        {
            MessageId = reader.Text(),
            SessionId = reader.Text(),
            PartitionKey = reader.Text(),
            ReplyToSessionId = reader.Text(),
            CorrelationId = reader.Text(),
            Subject = reader.Text(),
            To = reader.Text(),
            ReplyTo = reader.Text(),
            ContentType = reader.Text(),
            TimeToLive = new TimeSpan(reader.Int64()),
            ScheduledEnqueueTime = new DateTimeOffset(reader.Int64(), TimeSpan.Zero),
        };
        for (var count = reader.Length(); count > 0; count--)
        {
            var name = reader.Text()!;
            message.Properties[name] = Decode(ref reader)!;
        }
        message.Body = new BinaryData(new ReadOnlyMemory<byte>(content, reader.Position, content.Length - reader.Position));
        return message;
    }

    private static void Encode(ref Writer writer, string name, object? value)
    {
        switch (value)
        {
            case null: writer.Kind(Kind.Null); break;
            case string text: writer.Kind(Kind.String); writer.Text(text); break;
            case bool flag: writer.Kind(flag ? Kind.True : Kind.False); break;
            case int number: writer.Kind(Kind.Int32); writer.Int64(number); break;
            case long number: writer.Kind(Kind.Int64); writer.Int64(number); break;
            case sbyte number: writer.Kind(Kind.SByte); writer.Int64(number); break;
            case byte number: writer.Kind(Kind.Byte); writer.Int64(number); break;
            case short number: writer.Kind(Kind.Int16); writer.Int64(number); break;
            case ushort number: writer.Kind(Kind.UInt16); writer.Int64(number); break;
            case uint number: writer.Kind(Kind.UInt32); writer.Int64(number); break;
            case ulong number: writer.Kind(Kind.UInt64); writer.Int64(unchecked((long)number)); break;
            case char character: writer.Kind(Kind.Char); writer.Int64(character); break;
            case float number: writer.Kind(Kind.Single); writer.Int64(BitConverter.SingleToInt32Bits(number)); break;
            case double number: writer.Kind(Kind.Double); writer.Int64(BitConverter.DoubleToInt64Bits(number)); break;
            case decimal number:
                writer.Kind(Kind.Decimal);
                foreach (var part in decimal.GetBits(number))
                    writer.Int64(part);
                break;
            case Guid guid: writer.Kind(Kind.Guid); writer.Raw(guid.ToByteArray()); break;
            case DateTime time: writer.Kind(Kind.DateTime); writer.Int64(time.ToUniversalTime().Ticks / TimeSpan.TicksPerMillisecond); break;
            case DateTimeOffset time: writer.Kind(Kind.DateTimeOffset); writer.Int64(time.UtcTicks); break;
            case TimeSpan span: writer.Kind(Kind.TimeSpan); writer.Int64(span.Ticks); break;
            case Uri uri: writer.Kind(Kind.Uri); writer.Text(uri.OriginalString); break;
            case byte[] bytes: writer.Kind(Kind.Bytes); writer.Length(bytes.Length); writer.Raw(bytes); break;
            default: throw new SerializationException($"The application property '{name}' is a {value.GetType().FullName}, which AMQP cannot carry.");
        }
    }

    private static object? Decode(ref Reader reader) => (Kind)reader.Byte() switch
    {
        Kind.Null => null,
        Kind.String => reader.Text(),
        Kind.True => true,
        Kind.False => false,
        Kind.SByte => (sbyte)reader.Int64(),
        Kind.Byte => (byte)reader.Int64(),
        Kind.Int16 => (short)reader.Int64(),
        Kind.UInt16 => (ushort)reader.Int64(),
        Kind.Int32 => (int)reader.Int64(),
        Kind.UInt32 => (uint)reader.Int64(),
        Kind.Int64 => reader.Int64(),
        Kind.UInt64 => unchecked((ulong)reader.Int64()),
        Kind.Char => (char)reader.Int64(),
        Kind.Single => BitConverter.Int32BitsToSingle((int)reader.Int64()),
        Kind.Double => BitConverter.Int64BitsToDouble(reader.Int64()),
        Kind.Decimal => new decimal([(int)reader.Int64(), (int)reader.Int64(), (int)reader.Int64(), (int)reader.Int64()]),
        Kind.Guid => new Guid(reader.Raw(16)),
        Kind.DateTime => new DateTime(reader.Int64() * TimeSpan.TicksPerMillisecond, DateTimeKind.Utc),
        Kind.DateTimeOffset => new DateTimeOffset(reader.Int64(), TimeSpan.Zero),
        Kind.TimeSpan => new TimeSpan(reader.Int64()),
        Kind.Uri => new Uri(reader.Text()!, UriKind.RelativeOrAbsolute),
        Kind.Bytes => reader.Raw(reader.Length()).ToArray(),
        var other => throw new InvalidDataException($"A stored message has a property of unknown kind {other}."),
    };

    private ref struct Writer
    {
        private byte[] buffer = ArrayPool<byte>.Shared.Rent(1_024);
        private int length;

        public Writer() { }

        public void Byte(byte value) => Take(1)[0] = value;

        public void Kind(Kind kind) => Byte((byte)kind);

        public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), value);

        public void Length(int value)
        {
            for (var rest = (uint)value; ; rest >>= 7)
            {
                if (rest < 0x80)
                {
                    Byte((byte)rest);
                    return;
                }
                Byte((byte)(rest | 0x80));
            }
        }

        /// <summary>Its length and one, 0 meaning null, then UTF-8.</summary>
        public void Text(string? value)
        {
            if (value is null)
            {
                Byte(0);
                return;
            }
            var bytes = Encoding.UTF8.GetByteCount(value);
            Length(bytes + 1);
            Encoding.UTF8.GetBytes(value, Take(bytes));
        }

        public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

        public readonly byte[] ToArray() => buffer.AsSpan(0, length).ToArray();

        public readonly void Dispose() => ArrayPool<byte>.Shared.Return(buffer);

        private Span<byte> Take(int bytes)
        {
            if (length + bytes > buffer.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length + bytes, buffer.Length * 2));
                buffer.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
            var taken = buffer.AsSpan(length, bytes);
            length += bytes;
            return taken;
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> content)
    {
        private readonly ReadOnlySpan<byte> content = content;

        public int Position { get; private set; }

        public byte Byte() => content[Position++];

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Raw(8));

        public int Length()
        {
            var value = 0u;
            for (var shift = 0; ; shift += 7)
            {
                var part = Byte();
                value |= (uint)(part & 0x7f) << shift;
                if (part < 0x80)
                    return (int)value;
            }
        }

        public string? Text()
        {
            var length = Length();
            return length == 0 ? null : Encoding.UTF8.GetString(Raw(length - 1));
        }

        public ReadOnlySpan<byte> Raw(int length)
        {
            var bytes = content.Slice(Position, length);
            Position += length;
            return bytes;
        }
    }
}
