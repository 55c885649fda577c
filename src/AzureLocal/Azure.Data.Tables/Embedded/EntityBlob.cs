using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Azure.Data.Tables;

internal enum EdmType : byte { String = 1, Binary, False, True, Int32, Int64, Double, DateTime, Guid }

/// <summary>
/// An entity's properties as bytes that describe themselves, one after the other: type (1 byte), length of the name (varint),
/// name (UTF-8), and the value: little-endian and of fixed size, or with a varint length before it (strings in UTF-8, binaries).
/// Merging copies whole properties without decoding them, since it runs on the store's one writer. Zeros may follow: room to grow.
/// </summary>
internal static class EntityBlob
{
    /// <summary>Entities of at least this size get room when they are put: smaller ones are seldom changed.</summary>
    private const int RoomFrom = 192;

    private const int Room = 128;

    /// <summary>Half a surrogate pair becomes U+FFFD, as it does in the JSON of a request.</summary>
    private static readonly Encoding Utf8 = Encoding.UTF8;

    /// <summary>Encodes what the caller owns of the entity. Nulls are left out: the service has none.</summary>
    public static TableError? TryEncode(TableEntity entity, out byte[] blob)
    {
        blob = [];
        var writer = new Writer();
        try
        {
            foreach (var (name, value) in entity.Properties)
            {
                if (value is null || TableEntity.IsSystemName(name))
                    continue;
                if (EntityRules.CheckPropertyName(name) is { } badName)
                    return badName;
                if (writer.Write(name, value) is { } badValue)
                    return badValue;
            }
            blob = writer.ToArray();
            return null;
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>
    /// The same with room behind it. An entity that grows moves its neighbours to other pages, three or four of them written where one would do; a row that keeps
    /// its size is overwritten where it lies. A receipt gets six small properties in its life, some 110 bytes.
    /// </summary>
    public static byte[] WithRoom(byte[] blob)
    {
        if (blob.Length < RoomFrom)
            return blob;
        var roomy = new byte[blob.Length + Room];
        blob.CopyTo(roomy, 0);
        return roomy;
    }

    /// <summary>The properties of <paramref name="old"/> that <paramref name="changes"/> does not name, and all of the latter.</summary>
    public static byte[] Merge(ReadOnlySpan<byte> old, ReadOnlySpan<byte> changes)
    {
        var kept = ArrayPool<byte>.Shared.Rent(old.Length);
        try
        {
            var length = 0;
            var reader = new Reader(old);
            while (reader.Read())
            {
                if (Find(changes, reader.Name, out _))
                    continue;
                reader.Whole.CopyTo(kept.AsSpan(length));
                length += reader.Whole.Length;
            }
            var needed = length + changes.Length;
            var merged = new byte[needed <= old.Length ? old.Length : needed + Room];
            kept.AsSpan(0, length).CopyTo(merged);
            changes.CopyTo(merged.AsSpan(length));
            return merged;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(kept);
        }
    }

    /// <summary>
    /// Counts and weighs as the service does: 4 bytes, the keys, and per property 8 bytes, its name and its value, text as UTF-16.
    /// </summary>
    public static TableError? CheckSize(string partitionKey, string rowKey, ReadOnlySpan<byte> blob)
    {
        var properties = 0;
        var bytes = 4L + 2 * (partitionKey.Length + rowKey.Length);
        var reader = new Reader(blob);
        while (reader.Read())
        {
            properties++;
            bytes += 8 + 2 * Utf8.GetCharCount(reader.Name) + reader.Type switch
            {
                EdmType.String => 4 + 2L * Utf8.GetCharCount(reader.Value),
                EdmType.Binary => 4 + reader.Value.Length,
                EdmType.False or EdmType.True => 1,
                _ => reader.Value.Length,
            };
        }
        if (properties > EntityRules.MaxProperties)
            return TableError.TooManyProperties;
        return bytes > EntityRules.MaxEntityBytes ? TableError.EntityTooLarge : null;
    }

    /// <summary>Adds the properties to an entity, or only those that are named.</summary>
    public static void Decode(ReadOnlySpan<byte> blob, TableEntity entity, IReadOnlyList<string>? select)
    {
        var reader = new Reader(blob);
        while (reader.Read())
        {
            var name = Utf8.GetString(reader.Name);
            if (select is null || select.Contains(name))
                entity.Properties[name] = reader.Decode();
        }
    }

    public static int Count(ReadOnlySpan<byte> blob)
    {
        var count = 0;
        var reader = new Reader(blob);
        while (reader.Read())
            count++;
        return count;
    }

    public static bool Find(ReadOnlySpan<byte> blob, ReadOnlySpan<byte> name, out Reader property)
    {
        property = new Reader(blob);
        while (property.Read())
        {
            if (property.Name.SequenceEqual(name))
                return true;
        }
        return false;
    }

    public ref struct Reader(ReadOnlySpan<byte> blob)
    {
        private ReadOnlySpan<byte> rest = blob;

        public EdmType Type { get; private set; }

        public ReadOnlySpan<byte> Name { get; private set; }

        public ReadOnlySpan<byte> Value { get; private set; }

        /// <summary>The property as it lies in the blob.</summary>
        public ReadOnlySpan<byte> Whole { get; private set; }

        public bool Read()
        {
            if (rest.IsEmpty || rest[0] == 0)
                return false;
            var at = 1;
            Type = (EdmType)rest[0];
            var nameLength = Varint(ref at);
            Name = rest.Slice(at, nameLength);
            at += nameLength;
            var valueLength = Type switch
            {
                EdmType.String or EdmType.Binary => Varint(ref at),
                EdmType.False or EdmType.True => 0,
                EdmType.Int32 => sizeof(int),
                EdmType.Int64 or EdmType.Double or EdmType.DateTime => sizeof(long),
                EdmType.Guid => 16,
                _ => throw new InvalidDataException($"A stored entity has a property of the unknown type {(byte)Type}."),
            };
            Value = rest.Slice(at, valueLength);
            Whole = rest[..(at + valueLength)];
            rest = rest[(at + valueLength)..];
            return true;
        }

        public readonly string String() => Utf8.GetString(Value);

        public readonly int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Value);

        public readonly long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Value);

        public readonly double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Value);

        public readonly Guid Guid() => new(Value);

        public readonly object Decode() => Type switch
        {
            EdmType.String => String(),
            EdmType.Binary => Value.ToArray(),
            EdmType.False => false,
            EdmType.True => true,
            EdmType.Int32 => Int32(),
            EdmType.Int64 => Int64(),
            EdmType.Double => Double(),
            EdmType.DateTime => new DateTimeOffset(Int64(), TimeSpan.Zero),
            _ => Guid(),
        };

        private readonly int Varint(ref int at)
        {
            var value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var next = rest[at++];
                value |= (next & 0x7f) << shift;
                if (next < 0x80)
                    return value;
            }
        }
    }

    private ref struct Writer
    {
        private byte[] buffer = ArrayPool<byte>.Shared.Rent(1_024);
        private int length;

        public Writer() { }

        public TableError? Write(string name, object value)
        {
            switch (value)
            {
                case string text:
                    Begin(EdmType.String, name);
                    Text(text);
                    return EntityRules.CheckString(text);
                case int number:
                    Begin(EdmType.Int32, name);
                    BinaryPrimitives.WriteInt32LittleEndian(Take(sizeof(int)), number);
                    return null;
                case long number:
                    Begin(EdmType.Int64, name);
                    BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), number);
                    return null;
                case bool truth:
                    Begin(truth ? EdmType.True : EdmType.False, name);
                    return null;
                case double number:
                    Begin(EdmType.Double, name);
                    BinaryPrimitives.WriteDoubleLittleEndian(Take(sizeof(double)), number);
                    return null;
                case DateTimeOffset time:
                    return Time(name, time.UtcTicks);
                case DateTime time:
                    return Time(name, new DateTimeOffset(time).UtcTicks);
                case Guid guid:
                    Begin(EdmType.Guid, name);
                    guid.TryWriteBytes(Take(16));
                    return null;
                case byte[] bytes:
                    return Bytes(name, bytes);
                case BinaryData data:
                    return Bytes(name, data);
                default:
                    throw new NotSupportedException($"Property '{name}' is a {value.GetType()}, which the table service has no type for.");
            }
        }

        public readonly byte[] ToArray() => buffer.AsSpan(0, length).ToArray();

        public readonly void Dispose() => ArrayPool<byte>.Shared.Return(buffer);

        private TableError? Time(string name, long utcTicks)
        {
            Begin(EdmType.DateTime, name);
            BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), utcTicks);
            return EntityRules.CheckTime(utcTicks);
        }

        private TableError? Bytes(string name, ReadOnlyMemory<byte> bytes)
        {
            Begin(EdmType.Binary, name);
            Varint(bytes.Length);
            bytes.Span.CopyTo(Take(bytes.Length));
            return EntityRules.CheckBinary(bytes.Span);
        }

        private void Begin(EdmType type, string name)
        {
            Take(1)[0] = (byte)type;
            Text(name);
        }

        private void Text(string text)
        {
            var bytes = Utf8.GetByteCount(text);
            Varint(bytes);
            Utf8.GetBytes(text, Take(bytes));
        }

        private void Varint(int value)
        {
            for (; value >= 0x80; value >>= 7)
                Take(1)[0] = (byte)(value | 0x80);
            Take(1)[0] = (byte)value;
        }

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
}
