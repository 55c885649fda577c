using Weir.Pressure;

namespace Unit.Tests.Pressure;

/// <summary>The drain rate is what starts while there is a backlog; a quiet queue says nothing of what could be done.</summary>
public sealed class DrainRateTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Of_a_queue_that_was_quiet_nothing_is_known()
    {
        var rate = Over(DrainRate.Unknown.Seen(3, 100, Start), 0.1, 0.1);
        Assert.Null(rate.PerSecond);
        Assert.Null(rate.Seen(5_000, 100, Start.AddSeconds(20)).PerSecond);
    }

    [Fact]
    public void With_a_backlog_it_is_what_starts()
    {
        var rate = Over(DrainRate.Unknown.Seen(5_000, 100, Start.AddSeconds(6)), 20, 50, 50, 50);
        Assert.Equal(50, rate.PerSecond!.Value, 0.1);
    }

    [Fact]
    public void When_it_slows_down_the_rate_follows_within_a_minute()
    {
        var rate = Over(DrainRate.Unknown.Seen(5_000, 100, Start), 50, 50, 10, 10, 10, 10, 10, 10);
        Assert.InRange(rate.PerSecond!.Value, 10, 16);
    }

    [Fact]
    public void When_it_speeds_up_the_rate_follows_at_once() => Assert.Equal(90, Over(DrainRate.Unknown.Seen(5_000, 100, Start), 50, 50, 90).PerSecond);

    [Fact]
    public void An_interval_in_which_the_backlog_only_began_does_not_slow_it_down()
    {
        var before = new DrainRate(50, Start, null);
        Assert.Equal(50, Over(before.Seen(5_000, 100, Start.AddSeconds(9)), 3).PerSecond);
        Assert.Null(Over(DrainRate.Unknown.Seen(5_000, 100, Start.AddSeconds(9)), 0).PerSecond);
    }

    [Fact]
    public void It_is_remembered_after_the_backlog_and_forgotten_in_the_end()
    {
        var rate = Over(DrainRate.Unknown.Seen(5_000, 100, Start), 50, 50);
        Assert.Equal(50, rate.Seen(0, 100, Start.AddMinutes(5)).PerSecond);
        Assert.Null(rate.Seen(0, 100, Start.AddMinutes(11)).PerSecond);
    }

    [Fact]
    public void A_queue_of_which_nothing_starts_has_no_rate_but_zero()
    {
        var rate = Over(DrainRate.Unknown.Seen(5_000, 100, Start), 0, 0);
        Assert.Equal(0, rate.PerSecond);
        Assert.Equal(TimeSpan.FromDays(1), QueuePressure.WaitBehind(5_000, rate.PerSecond));
    }

    private static DrainRate Over(DrainRate rate, params double[] perSecond)
    {
        var from = Start;
        foreach (var one in perSecond)
        {
            rate = rate.Counted(one, from, from.AddSeconds(10));
            from = from.AddSeconds(10);
        }
        return rate;
    }
}
