namespace Capacity;

/// <summary>How long jobs hold a session: a distribution. Its mean decides how many sessions are busy, its variation how long the others wait.</summary>
public abstract record ServiceTimes
{
    /// <summary>In seconds.</summary>
    public abstract double Mean { get; }

    /// <summary>Variance over the square of the mean: 0 when all take equally long, 1 for exponential times.</summary>
    public abstract double SquaredVariation { get; }

    /// <summary>One of them, in seconds.</summary>
    public abstract double Next(Random chance);

    public static ServiceTimes Exponential(TimeSpan mean) => new ExponentialTimes(Positive(mean));

    public static ServiceTimes Fixed(TimeSpan time) => new FixedTimes(Positive(time));

    /// <param name="mean">Of the times themselves, not of their logarithms.</param>
    /// <param name="variation">Standard deviation over mean; 1 to 2 is usual for work that calls other services.</param>
    public static ServiceTimes LogNormal(TimeSpan mean, double variation) =>
        variation is >= 0 and <= 100
            ? variation == 0 ? Fixed(mean) : new LogNormalTimes(Positive(mean), variation)
            : throw new ArgumentOutOfRangeException(nameof(variation), variation, "The variation is from 0 to 100.");

    /// <summary>Times as they were measured: how many fell at or below each bound, and above the bound before.</summary>
    public static ServiceTimes Measured(IReadOnlyList<(TimeSpan AtMost, long Count)> histogram) => new MeasuredTimes(histogram);

    private static double Positive(TimeSpan time) =>
        time > TimeSpan.Zero ? time.TotalSeconds : throw new ArgumentOutOfRangeException(nameof(time), time, "A service time is longer than nothing.");
}

internal sealed record ExponentialTimes(double MeanSeconds) : ServiceTimes
{
    public override double Mean => MeanSeconds;

    public override double SquaredVariation => 1;

    public override double Next(Random chance) => chance.Exponential(MeanSeconds);
}

internal sealed record FixedTimes(double Seconds) : ServiceTimes
{
    public override double Mean => Seconds;

    public override double SquaredVariation => 0;

    public override double Next(Random chance) => Seconds;
}

internal sealed record LogNormalTimes(double MeanSeconds, double Variation) : ServiceTimes
{
    private readonly double sigma = Math.Sqrt(Math.Log(1 + Variation * Variation));

    public override double Mean => MeanSeconds;

    public override double SquaredVariation => Variation * Variation;

    public override double Next(Random chance) => MeanSeconds * Math.Exp(sigma * chance.Normal() - sigma * sigma / 2);
}

/// <summary>Within a bucket every time is equally likely.</summary>
internal sealed record MeasuredTimes : ServiceTimes
{
    // Of the buckets that hold something: their bounds, and the share of times up to each.
    private readonly (double Low, double High)[] buckets;
    private readonly double[] shares;

    public MeasuredTimes(IReadOnlyList<(TimeSpan AtMost, long Count)> histogram)
    {
        if (histogram.Any(bucket => bucket.Count < 0 || bucket.AtMost <= TimeSpan.Zero) || histogram.Sum(bucket => bucket.Count) == 0)
            throw new ArgumentException("A histogram has bounds above zero, no negative counts, and at least one time.", nameof(histogram));
        var sorted = histogram.OrderBy(bucket => bucket.AtMost).ToArray();
        var held = sorted.Select((bucket, i) => (Low: i == 0 ? 0 : sorted[i - 1].AtMost.TotalSeconds, High: bucket.AtMost.TotalSeconds, bucket.Count)).Where(bucket => bucket.Count > 0).ToArray();
        buckets = [.. held.Select(bucket => (bucket.Low, bucket.High))];
        shares = new double[held.Length];
        double total = held.Sum(bucket => (double)bucket.Count), sum = 0, square = 0;
        for (var i = 0; i < held.Length; i++)
        {
            var (low, high, count) = held[i];
            shares[i] = (sum += count) / total;
            Mean += count / total * (low + high) / 2;
            square += count / total * (low * low + low * high + high * high) / 3;
        }
        SquaredVariation = Math.Max(0, square / (Mean * Mean) - 1);
    }

    public override double Mean { get; }

    public override double SquaredVariation { get; }

    public override double Next(Random chance)
    {
        var draw = chance.NextDouble();
        var found = Array.BinarySearch(shares, draw);
        var at = Math.Min(found >= 0 ? found + 1 : ~found, shares.Length - 1);
        var before = at == 0 ? 0 : shares[at - 1];
        var (low, high) = buckets[at];
        return low + (high - low) * Math.Min(1, (draw - before) / (shares[at] - before));
    }
}
