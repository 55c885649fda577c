using Weir.Pressure;

namespace Unit.Tests.Pressure;

public sealed class LevelRuleTests
{
    private static readonly QueueThresholds Limits = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(300), MinDepth: 100, MaxDepth: 10_000, Share: 0.5);

    [Theory]
    [InlineData("Normal", 1_000, 59, "Normal")]
    [InlineData("Normal", 1_000, 60, "Elevated")]
    [InlineData("Normal", 1_000, 300, "Saturated")]
    [InlineData("Elevated", 1_000, 299, "Elevated")]
    [InlineData("Elevated", 1_000, 300, "Saturated")]
    [InlineData("Elevated", 1_000, 30, "Elevated")]
    [InlineData("Elevated", 1_000, 29, "Normal")]
    [InlineData("Saturated", 1_000, 60, "Saturated")]
    [InlineData("Saturated", 1_000, 59, "Elevated")]
    [InlineData("Saturated", 1_000, 29, "Normal")]
    [InlineData("Normal", 99, 10_000, "Normal")] // a handful of slow jobs is no backlog
    [InlineData("Saturated", 50, 10_000, "Saturated")]
    [InlineData("Saturated", 49, 10_000, "Normal")]
    [InlineData("Normal", 10_000, 1, "Saturated")] // the hard limit, however fast it drains
    public void The_level_rises_at_a_threshold_and_falls_well_below_it(string before, int depth, int wait, string after) =>
        Assert.Equal(Enum.Parse<PressureLevel>(after), LevelRule.After(Enum.Parse<PressureLevel>(before), depth, TimeSpan.FromSeconds(wait), Limits));

    [Fact]
    public void Where_nothing_is_known_there_is_no_pressure_below_the_hard_limit()
    {
        Assert.Equal(PressureLevel.Normal, LevelRule.After(PressureLevel.Normal, 9_999, null, Limits));
        Assert.Equal(PressureLevel.Saturated, LevelRule.After(PressureLevel.Normal, 10_000, null, Limits));
    }
}
