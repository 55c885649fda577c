using Contract.Tests;
using Weir;
using Weir.Lanes;

namespace Unit.Tests.Lanes;

public sealed class LaneTurnsTests
{
    private readonly ManualClock clock = new();
    private readonly LaneTurns turns;

    public LaneTurnsTests() => turns = new LaneTurns(clock);

    [Fact]
    public void A_lane_gives_way_after_a_second_of_its_jobs_and_then_begins_anew()
    {
        Assert.Equal([false, false, true, false, false, true], Enumerable.Range(0, 6).Select(_ => Run(TimeSpan.FromMilliseconds(400))));
    }

    [Fact]
    public void A_lane_that_was_idle_begins_anew()
    {
        Assert.False(Run(TimeSpan.FromMilliseconds(900)));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(Run(TimeSpan.FromMilliseconds(900)));
    }

    [Fact]
    public void Lanes_that_ran_empty_are_forgotten()
    {
        for (var lane = 0; lane < 100_000; lane++)
        {
            turns.Begin(Queue.Default, $"tenant-{lane}.0");
            Assert.False(turns.IsOver(Queue.Default, $"tenant-{lane}.0"));
            clock.Advance(TimeSpan.FromMilliseconds(10));
        }
        Assert.InRange(turns.Count, 1, 1_100);
    }

    private bool Run(TimeSpan job)
    {
        turns.Begin(Queue.Default, "acme.0");
        clock.Advance(job);
        return turns.IsOver(Queue.Default, "acme.0");
    }
}
