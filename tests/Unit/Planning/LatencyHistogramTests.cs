using Capacity;

namespace Unit.Tests.Planning;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_those_of_the_sorted_times_to_three_digits()
    {
        var (histogram, chance) = (new LatencyHistogram(), new Random(7));
        var times = Enumerable.Range(0, 50_000).Select(_ => TimeSpan.FromMicroseconds((long)Math.Pow(10, chance.NextDouble() * 10))).Order().ToArray();
        foreach (var time in times)
            histogram.Record(time);

        foreach (var share in new[] { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1 })
        {
            var exact = times[(int)Math.Ceiling(share * times.Length) - 1];
            Assert.InRange(histogram.Percentile(share) / exact, 1, 1.001);
        }
        Assert.Equal(times.Average(time => time.TotalSeconds), histogram.Mean.TotalSeconds, 1e-6);
        Assert.Equal(times[^1], histogram.Max);
    }

    [Fact]
    public void Nothing_recorded_is_zero_and_what_is_out_of_range_is_kept_at_the_edge()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal(TimeSpan.Zero, histogram.Percentile(0.99));

        histogram.Record(TimeSpan.FromSeconds(-1));
        Assert.Equal(TimeSpan.Zero, histogram.Percentile(1));
        histogram.Record(TimeSpan.FromDays(2));
        Assert.InRange(histogram.Percentile(1), TimeSpan.FromDays(1), TimeSpan.FromDays(1.001));
    }

    [Fact]
    public void Two_of_them_add_up()
    {
        var (one, other, both) = (new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram());
        for (var ms = 1; ms <= 1_000; ms++)
        {
            (ms % 3 == 0 ? one : other).Record(TimeSpan.FromMilliseconds(ms));
            both.Record(TimeSpan.FromMilliseconds(ms));
        }
        one.Add(other);

        Assert.Equal((both.Count, both.Percentile(0.5), both.Percentile(0.99), both.Max), (one.Count, one.Percentile(0.5), one.Percentile(0.99), one.Max));
    }
}
