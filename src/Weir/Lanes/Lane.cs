using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Weir.Lanes;

/// <summary>
/// Names the Service Bus session that carries a job. A session has one receiver at a time across all instances, so the number of
/// a tenant's lanes in a queue is the number of its jobs that can run there at once, with nobody counting.
/// </summary>
internal static class Lane
{
    /// <param name="tenant">The tenant; its lanes are its own.</param>
    /// <param name="spread">The ordering key, or the job's id: what shares it shares a lane.</param>
    /// <param name="laneCount">The tenant's lanes in the queue, 1 or more.</param>
    public static string For(string tenant, string spread, int laneCount) => $"{tenant}.{Hash(spread) % (uint)laneCount}";

    /// <summary>One of so many shares, always the same for the same text; with as many shares as lanes, its lane's number.</summary>
    public static int Share(string spread, int count) => (int)(Hash(spread) % (uint)count);

    /// <summary>A share from 0 to 1 that is always the same for the same text: spreads what would otherwise come at once.</summary>
    public static double Fraction(string text) => Hash(text) / (double)uint.MaxValue;

    private static uint Hash(string text)
    {
        // Not string.GetHashCode, which differs from process to process.
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return BinaryPrimitives.ReadUInt32BigEndian(hash);
    }
}
