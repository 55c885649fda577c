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
    public void When_lanes_run_empty_after_a_job_each_the_next_give_way_after_theirs()
    {
        var turns = new LaneTurns(new HostSlots(4), clock);
        Assert.DoesNotContain(true, RunEach(turns, "first", lanes: 32, atOnce: 4, idle: TimeSpan.FromSeconds(1.5)));

        Assert.Equal([false, false, false, true, true, true, true, true], RunEach(turns, "next", lanes: 8, atOnce: 8, idle: TimeSpan.Zero)); // once all slots are taken again
    }

    [Fact]
    public void While_a_slot_is_free_an_empty_lane_is_kept()
    {
        var turns = new LaneTurns(new HostSlots(8), clock);
        RunEach(turns, "first", lanes: 64, atOnce: 4, idle: TimeSpan.FromSeconds(1.5));

        Assert.DoesNotContain(true, RunEach(turns, "next", lanes: 7, atOnce: 7, idle: TimeSpan.Zero));
    }

    [Fact]
    public void One_long_lane_among_them_and_none_is_taken_for_empty()
    {
        var turns = new LaneTurns(new HostSlots(4), clock);
        RunEach(turns, "first", lanes: 16, atOnce: 4, idle: TimeSpan.FromSeconds(1.5));
        for (var job = 0; job < 3; job++)
            turns.Begin(Queue.Default, "long.0");
        turns.IsOver(Queue.Default, "long.0");
        clock.Advance(TimeSpan.FromSeconds(1.5));
        RunEach(turns, "second", lanes: 16, atOnce: 4, idle: TimeSpan.FromSeconds(1.5));

        Assert.DoesNotContain(true, RunEach(turns, "next", lanes: 12, atOnce: 12, idle: TimeSpan.Zero));
    }

    [Fact]
    public void A_lane_that_was_taken_for_empty_and_comes_back_keeps_its_turn()
    {
        var turns = new LaneTurns(new HostSlots(4), clock);
        RunEach(turns, "first", lanes: 32, atOnce: 4, idle: TimeSpan.FromSeconds(1.5));
        RunEach(turns, "next", lanes: 8, atOnce: 8, idle: TimeSpan.Zero);

        Assert.Equal([true, false, false], Enumerable.Range(0, 3).Select(_ => Run(turns, TimeSpan.FromMilliseconds(100))));

        for (var lane = 0; lane < 4; lane++)
            turns.Begin(Queue.Default, $"running-{lane}.0");
        clock.Advance(TimeSpan.FromSeconds(0.8));
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => Run(turns, TimeSpan.FromMilliseconds(100)))); // after its turn, too, it is not taken for empty again
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

    /// <summary>Lanes with one job each; those that are served at once begin together.</summary>
    private bool[] RunEach(LaneTurns turns, string name, int lanes, int atOnce, TimeSpan idle)
    {
        var answers = new List<bool>();
        for (var lane = 0; lane < lanes; lane++)
        {
            turns.Begin(Queue.Default, $"{name}-{lane}.0");
            answers.Add(turns.IsOver(Queue.Default, $"{name}-{lane}.0"));
            if ((lane + 1) % atOnce == 0)
                clock.Advance(idle);
        }
        return [.. answers];
    }

    private bool Run(LaneTurns turns, TimeSpan job)
    {
        turns.Begin(Queue.Default, "acme.0");
        clock.Advance(job);
        return turns.IsOver(Queue.Default, "acme.0");
    }
}
