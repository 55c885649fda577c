using System.Text;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Lanes;

namespace Unit.Tests.Lanes;

public sealed class LaneTurnsTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void While_all_slots_are_taken_a_lane_gives_way_after_a_second_of_its_jobs_and_then_begins_anew()
    {
        var turns = new LaneTurns(new HostSlots(1), clock);
        Assert.Equal([false, false, true, false, false, true], Enumerable.Range(0, 6).Select(_ => Run(turns, TimeSpan.FromMilliseconds(400))));
    }

    [Fact]
    public void While_a_slot_is_free_a_lane_goes_on()
    {
        var turns = new LaneTurns(new HostSlots(2), clock);
        Assert.DoesNotContain(true, Enumerable.Range(0, 10).Select(_ => Run(turns, TimeSpan.FromMilliseconds(400))));

        turns.Begin(Queue.Bulk, "other.0"); // another queue has slots of its own
        Assert.DoesNotContain(true, Enumerable.Range(0, 10).Select(_ => Run(turns, TimeSpan.FromMilliseconds(400))));
        turns.Begin(Queue.Default, "other.0");
        Assert.Contains(true, Enumerable.Range(0, 4).Select(_ => Run(turns, TimeSpan.FromMilliseconds(400))));
    }

    [Fact]
    public void A_lane_that_was_idle_begins_anew()
    {
        var turns = new LaneTurns(new HostSlots(1), clock);
        Assert.False(Run(turns, TimeSpan.FromMilliseconds(900)));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(Run(turns, TimeSpan.FromMilliseconds(900)));
    }

    [Fact]
    public void Lanes_that_ran_empty_are_forgotten()
    {
        var turns = new LaneTurns(new HostSlots(1), clock);
        for (var lane = 0; lane < 20_000; lane++)
        {
            turns.Begin(Queue.Default, $"tenant-{lane}.0");
            turns.IsOver(Queue.Default, $"tenant-{lane}.0");
            clock.Advance(TimeSpan.FromMilliseconds(10));
        }
        Assert.InRange(turns.Count, 1, 1_100);
    }

    [Theory]
    [InlineData("""{ "extensions": { "serviceBus": { "maxConcurrentSessions": 64, } } } // as it is""", 64)]
    [InlineData("""{ "extensions": { "serviceBus": { } } }""", 8)]
    [InlineData("""{ "extensions": 7 }""", 8)]
    [InlineData("{", 8)]
    [InlineData(null, 8)]
    public void The_slots_are_those_of_host_json(string? hostJson, int slots)
    {
        var folder = Directory.CreateTempSubdirectory("weir-");
        try
        {
            if (hostJson is not null)
                File.WriteAllText(Path.Combine(folder.FullName, "host.json"), hostJson, Encoding.UTF8);
            Assert.Equal(slots, HostSlots.Read(new ConfigurationBuilder().Build(), folder.FullName).Count);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private bool Run(LaneTurns turns, TimeSpan job)
    {
        turns.Begin(Queue.Default, "acme.0");
        clock.Advance(job);
        return turns.IsOver(Queue.Default, "acme.0");
    }
}
