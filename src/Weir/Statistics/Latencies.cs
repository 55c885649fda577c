namespace Weir.Statistics;

/// <summary>
/// How long something took, many times: counts in buckets that grow by a quarter of a power of two, from 1 ms to 1 h, so that a percentile is at most 19 % above
/// the truth; and the exact sum. Two of them add up to one.
/// </summary>
internal sealed class Latencies
{
    /// <summary>Buckets for each doubling.</summary>
    private const int PerDoubling = 4;

    /// <summary>The last one ends at 2^(88/4) ms, 70 minutes.</summary>
    private const int LastBounded = 88;

    /// <summary>With the one for all that took longer.</summary>
    public const int Buckets = LastBounded + 2;

    private readonly long[] counts = new long[Buckets];

    public long Count { get; private set; }

    public TimeSpan Sum { get; private set; }

    public TimeSpan Mean => Count == 0 ? TimeSpan.Zero : Sum / Count;

    /// <summary>The buckets, for whoever needs the whole distribution: how many took at most <see cref="UpperBound"/> and longer than the one before.</summary>
    public IReadOnlyList<long> Counts => counts;

    /// <summary>The bucket that a duration belongs to.</summary>
    public static int BucketOf(TimeSpan duration) =>
        duration.TotalMilliseconds <= 1 ? 0 : Math.Min((int)Math.Ceiling(Math.Log2(duration.TotalMilliseconds) * PerDoubling), Buckets - 1);

    /// <summary>The longest duration of a bucket; that of the last one is not known.</summary>
    public static TimeSpan UpperBound(int bucket) => TimeSpan.FromMilliseconds(Math.Pow(2, (double)Math.Min(bucket, LastBounded) / PerDoubling));

    /// <param name="share">0 to 1, such as 0.99.</param>
    /// <returns>What so many took at most; null when there are none.</returns>
    public TimeSpan? Percentile(double share)
    {
        if (Count == 0)
            return null;
        var before = 0L;
        var rank = Math.Clamp(share, 0, 1) * Count;
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            if (counts[bucket] > 0 && before + counts[bucket] >= rank)
            {
                // Within a bucket as if they lay evenly in it.
                var low = bucket == 0 ? TimeSpan.Zero : UpperBound(bucket - 1);
                return low + (UpperBound(bucket) - low) * Math.Clamp((rank - before) / counts[bucket], 0, 1);
            }
            before += counts[bucket];
        }
        return UpperBound(LastBounded);
    }

    public void Add(Latencies other)
    {
        for (var bucket = 0; bucket < Buckets; bucket++)
            counts[bucket] += other.counts[bucket];
        (Count, Sum) = (Count + other.Count, Sum + other.Sum);
    }

    public void Add(int bucket, long count)
    {
        counts[Math.Clamp(bucket, 0, Buckets - 1)] += count;
        Count += count;
    }

    public void AddSum(TimeSpan sum) => Sum += sum;

    /// <summary>The buckets that are not empty: number, count, number, count …</summary>
    public long[] ToPairs() => [.. Enumerable.Range(0, Buckets).Where(bucket => counts[bucket] > 0).SelectMany(bucket => new[] { bucket, counts[bucket] })];

    public static Latencies FromPairs(IReadOnlyList<long>? pairs, double sumMs)
    {
        var read = new Latencies();
        for (var at = 0; at + 1 < pairs?.Count; at += 2)
            read.Add((int)Math.Clamp(pairs[at], 0, Buckets - 1), Math.Max(pairs[at + 1], 0));
        read.AddSum(TimeSpan.FromMilliseconds(Math.Clamp(sumMs, 0, TimeSpan.MaxValue.TotalMilliseconds / 2)));
        return read;
    }
}
