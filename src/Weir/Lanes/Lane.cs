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
    public static string For(string tenant, string spread, int laneCount)
    {
        // Not string.GetHashCode, which differs from process to process.
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(spread), hash);
        return $"{tenant}.{BinaryPrimitives.ReadUInt32BigEndian(hash) % (uint)laneCount}";
    }
}
