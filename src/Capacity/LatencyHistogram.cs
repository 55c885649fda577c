using System.Numerics;

namespace Capacity;

/// <summary>
/// Times in microseconds up to a day, each to three significant digits, in 240 kB whatever their number: buckets that double in width, with 1,024 parts each, as Gil Tene's
/// HdrHistogram has them. Not safe for several threads.
/// </summary>
public sealed class LatencyHistogram
{
    private const int Bits = 10;
    private const long Parts = 1L << Bits;

    /// <summary>A day; what is longer counts as that.</summary>
    public const long Longest = 86_400_000_000;

    private readonly long[] counts = new long[Index(Longest) + 1];
    private double sum;

    public long Count { get; private set; }

    public TimeSpan Max { get; private set; }

    public TimeSpan Mean => Count == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(sum / Count);

    public void Record(TimeSpan time)
    {
        counts[Index(Math.Clamp((long)time.TotalMicroseconds, 0, Longest))]++;
        Count++;
        sum += Math.Max(0, time.TotalSeconds);
        Max = time > Max ? time : Max;
    }

    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < counts.Length; i++)
            counts[i] += other.counts[i];
        Count += other.Count;
        sum += other.sum;
        Max = other.Max > Max ? other.Max : Max;
    }

    /// <summary>The least time that this share of the times does not exceed, at most a thousandth too long.</summary>
    public TimeSpan Percentile(double share)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (var i = 0; i < counts.Length && Count > 0; i++)
        {
            if ((seen += counts[i]) >= rank)
                return TimeSpan.FromMicroseconds(Math.Min(Highest(i), Max.TotalMicroseconds));
        }
        return Max;
    }

    /// <summary>Up to twice the parts each value has a place of its own; beyond, the first eleven bits of a value decide.</summary>
    private static int Index(long value)
    {
        if (value < 2 * Parts)
            return (int)value;
        var shift = BitOperations.Log2((ulong)value) - Bits;
        return (int)(shift * Parts + (value >> shift));
    }

    private static long Highest(int index)
    {
        if (index < 2 * Parts)
            return index;
        var shift = (int)(index / Parts) - 1;
        return ((index - shift * Parts + 1) << shift) - 1;
    }
}
