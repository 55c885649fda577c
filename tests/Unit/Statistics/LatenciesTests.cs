using Weir.Statistics;

namespace Unit.Tests.Statistics;

public sealed class LatenciesTests
{
    [Fact]
    public void A_percentile_is_close_to_the_true_one()
    {
        var chance = new Random(7);
        var truth = Enumerable.Range(0, 10_000).Select(_ => TimeSpan.FromMilliseconds(Math.Exp(chance.NextDouble() * Math.Log(600_000)))).Order().ToArray();
        var latencies = Of(truth);
        foreach (var share in new[] { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999 })
            Assert.InRange(latencies.Percentile(share)!.Value / truth[(int)(share * truth.Length)], 0.84, 1.19);
        Assert.Equal(truth.Average(one => one.TotalMilliseconds), latencies.Mean.TotalMilliseconds, 0.1);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(1.1, 1)]
    [InlineData(2, 4)]
    [InlineData(1_024, 40)]
    [InlineData(3_600_000, 88)]
    [InlineData(100_000_000, 89)]
    public void A_duration_has_its_bucket(double milliseconds, int bucket)
    {
        var duration = TimeSpan.FromMilliseconds(milliseconds);
        Assert.Equal(bucket, Latencies.BucketOf(duration));
        if (bucket < Latencies.Buckets - 1)
            Assert.True(duration <= Latencies.UpperBound(bucket) + TimeSpan.FromTicks(1));
    }

    [Fact]
    public void Two_halves_add_up_to_the_whole_and_survive_the_table()
    {
        var durations = Enumerable.Range(1, 1_000).Select(number => TimeSpan.FromMilliseconds(number * number % 7_919)).ToArray();
        var whole = Of(durations);
        var half = Of(durations[..500]);
        half.Add(Of(durations[500..]));
        var read = Latencies.FromPairs(half.ToPairs(), half.Sum.TotalMilliseconds);
        Assert.Equal((whole.Count, whole.Sum, whole.Percentile(0.9)), (read.Count, read.Sum, read.Percentile(0.9)));
        Assert.Equal(whole.Counts, read.Counts);
    }

    [Fact]
    public void Of_nothing_there_is_no_percentile() => Assert.Null(new Latencies().Percentile(0.5));

    private static Latencies Of(TimeSpan[] durations)
    {
        var latencies = new Latencies();
        foreach (var duration in durations)
        {
            latencies.Add(Latencies.BucketOf(duration), 1);
            latencies.AddSum(duration);
        }
        return latencies;
    }
}
