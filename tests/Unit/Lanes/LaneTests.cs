using Weir.Lanes;

namespace Unit.Tests.Lanes;

public sealed class LaneTests
{
    [Fact]
    public void One_key_has_one_lane_for_ever() => Assert.Equal("acme.1", Lane.For("acme", "order-1", 32));

    [Fact]
    public void Keys_spread_evenly_over_a_tenants_lanes()
    {
        var counts = Enumerable.Range(0, 32_000).GroupBy(number => Lane.For("acme", $"job-{number}", 32)).Select(lane => lane.Count()).ToArray();
        Assert.Equal(32, counts.Length);
        Assert.All(counts, count => Assert.InRange(count, 850, 1_150));
    }
}
