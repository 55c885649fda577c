using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Weir.Submission;

/// <summary>Makes job ids: UUIDs, so that they fit a Service Bus message, a partition key and an orchestration's instance id.</summary>
internal static class JobId
{
    /// <summary>A UUID version 7 (RFC 9562, 5.7): ordered by time to the millisecond, so that neighbours in time are neighbours in lists.</summary>
    public static string New(DateTimeOffset now, Random chance)
    {
        Span<byte> bytes = stackalloc byte[16];
        chance.NextBytes(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes, (now.ToUnixTimeMilliseconds() << 16) | BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]));
        return Format(bytes, version: 7);
    }

    /// <summary>
    /// The one id of (tenant, type, idempotency key): a UUID version 8 (RFC 9562, 5.8) from SHA-256, each part preceded by its
    /// length so that no two triples run together. Whoever sends the key again computes the same id, on any instance, with nothing looked up.
    /// </summary>
    public static string FromKey(string tenant, string type, string key)
    {
        var text = $"{tenant.Length}:{tenant}{type.Length}:{type}{key.Length}:{key}";
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return Format(hash[..16], version: 8);
    }

    /// <summary>Whether a text can be a job's id at all: worth knowing before a table is asked.</summary>
    public static bool IsWellFormed(string text) => Guid.TryParseExact(text, "D", out _);

    private static string Format(Span<byte> bytes, int version)
    {
        bytes[6] = (byte)((bytes[6] & 0x0f) | (version << 4));
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString("D");
    }
}
