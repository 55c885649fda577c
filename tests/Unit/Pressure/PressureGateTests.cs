using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Pressure;

namespace Unit.Tests.Pressure;

/// <summary>What is accepted at which level, and what those are told who are refused.</summary>
public sealed class PressureGateTests
{
    private readonly ManualClock clock = new();
    private readonly PressureBoard board;
    private readonly PressureGate gate;

    public PressureGateTests()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Weir:Pressure:Critical:MaxDepth"] = "5000" }).Build();
        board = new PressureBoard(clock);
        gate = new PressureGate(board, new PressureOptions(configuration), clock, new Random(1));
    }

    [Fact]
    public void Normal_accepts_everything() => Assert.All(Enum.GetValues<Queue>(), queue => Assert.Equal(1_000, Accepted(queue, 1_000)));

    [Fact]
    public void Nothing_known_accepts_everything()
    {
        Read(Queue.Bulk, PressureLevel.Saturated, 100_000, 10);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1_000, Accepted(Queue.Bulk, 1_000));
    }

    [Fact]
    public void Elevated_accepts_of_bulk_its_share_of_the_drain_rate_and_everything_else()
    {
        Read(Queue.Bulk, PressureLevel.Elevated, 100_000, 100);
        Assert.Equal((100, 0), (Accepted(Queue.Bulk, 1_000), Accepted(Queue.Bulk, 10))); // two seconds' worth at once
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(50, Accepted(Queue.Bulk, 1_000));
        Read(Queue.Default, PressureLevel.Elevated, 10_000, 100);
        Assert.Equal(1_000, Accepted(Queue.Default, 1_000));
    }

    [Fact]
    public void Saturated_accepts_no_bulk_of_default_its_share_and_critical()
    {
        Read(Queue.Bulk, PressureLevel.Saturated, 1_000_000 / 2, 100);
        Assert.Equal((0, 1_000, 1_000), (Accepted(Queue.Bulk, 10), Accepted(Queue.Default, 1_000), Accepted(Queue.Critical, 1_000)));
        Read(Queue.Default, PressureLevel.Saturated, 50_000, 100);
        Assert.Equal(160, Accepted(Queue.Default, 1_000));
        Read(Queue.Critical, PressureLevel.Saturated, 4_000, 100);
        Assert.Equal(500, Accepted(Queue.Critical, 500));
    }

    [Fact]
    public void What_weighs_on_critical_weighs_on_the_others()
    {
        Read(Queue.Critical, PressureLevel.Saturated, 4_000, 100);
        var backoff = gate.AskBatch([(Queue.Bulk, 1)])!;
        Assert.Equal(("saturated", "bulk", "saturated"), (backoff.Members["reason"], backoff.Members["queue"], backoff.Members["pressure"]));
        Assert.Contains("critical is saturated", backoff.Detail);
    }

    [Fact]
    public void Critical_is_refused_at_its_hard_limit_only_and_with_503()
    {
        Read(Queue.Critical, PressureLevel.Saturated, 4_990, 100);
        Assert.Equal(10, Accepted(Queue.Critical, 1_000));
        var backoff = gate.AskBatch([(Queue.Critical, 1)])!;
        Assert.Equal((true, "queueFull", "depthLimit"), (backoff.IsUnavailable, backoff.Code, backoff.Members["reason"]));
        Assert.InRange(backoff.RetryAfter, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(130)); // a tenth of it is free in 5 s; 990 are in the line
    }

    [Fact]
    public void What_another_instance_may_have_accepted_counts_too()
    {
        Read(Queue.Critical, PressureLevel.Normal, 0, null, takers: 4);
        Assert.Equal(5_000 / 4, Accepted(Queue.Critical, 5_000));
    }

    [Fact]
    public void A_surge_is_seen_before_the_next_poll()
    {
        Read(Queue.Bulk, PressureLevel.Normal, 100, 10);
        var accepted = Accepted(Queue.Bulk, 40_000);
        Assert.InRange(accepted, 5_900, 36_100); // ten minutes of work make it elevated, an hour saturated
        Assert.Equal(PressureLevel.Elevated, gate.Of(Queue.Bulk, clock.GetUtcNow()).Level);
        Assert.InRange(accepted, 5_900, 6_100);
    }

    [Fact]
    public void A_batch_is_accepted_whole_and_paid_back_or_refused_whole()
    {
        Read(Queue.Bulk, PressureLevel.Elevated, 100_000, 100);
        Assert.Null(gate.AskBatch([(Queue.Bulk, 1_000)]));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.NotNull(gate.AskBatch([(Queue.Bulk, 1)]));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(gate.AskBatch([(Queue.Bulk, 1)]));
        Assert.NotNull(gate.AskBatch([(Queue.Bulk, 300_000)])); // it would make the queue saturated by itself
        Read(Queue.Bulk, PressureLevel.Saturated, 400_000, 100);
        Assert.NotNull(gate.AskBatch([(Queue.Default, 10), (Queue.Bulk, 10)]));
    }

    [Fact]
    public void A_refusal_says_why_where_how_long_and_when_to_come_back()
    {
        Read(Queue.Bulk, PressureLevel.Saturated, 400_000, 100);
        var backoff = gate.AskBatch([(Queue.Bulk, 1)])!;
        Assert.Equal(("underPressure", false), (backoff.Code, backoff.IsUnavailable));
        Assert.Equal("PT1H6M40S", backoff.Members["estimatedWait"]);
        Assert.InRange(backoff.RetryAfter, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(13)); // there is room in an hour, but after ten minutes it is worth asking
    }

    [Fact]
    public void Those_who_are_refused_are_told_to_come_back_one_after_the_other()
    {
        Read(Queue.Default, PressureLevel.Saturated, 50_000, 10);
        Accepted(Queue.Default, 16);
        var times = Enumerable.Range(0, 400).Select(_ => gate.AskBatch([(Queue.Default, 1)])!.RetryAfter.TotalSeconds).ToArray();
        var perSecond = times.GroupBy(time => (int)Math.Ceiling(time)).Max(second => second.Count());
        Assert.InRange(perSecond, 8, 16); // 8 a second is what is accepted
        Assert.InRange(times.Max(), 45, 52);
    }

    [Fact]
    public void Those_who_never_wait_do_not_push_the_others_back_for_ever()
    {
        Read(Queue.Default, PressureLevel.Saturated, 50_000, 10);
        Assert.All(Enumerable.Range(0, 20_000).Select(_ => gate.AskBatch([(Queue.Default, 1)])), backoff => Assert.True(backoff is null || backoff.RetryAfter < TimeSpan.FromSeconds(125)));
    }

    [Fact]
    public void What_was_accepted_after_a_reading_was_taken_is_not_forgotten_when_it_comes()
    {
        Read(Queue.Critical, PressureLevel.Normal, 0, null);
        Assert.Equal(1_000, Accepted(Queue.Critical, 1_000));
        clock.Advance(TimeSpan.FromSeconds(10));
        var polledAt = clock.GetUtcNow() - TimeSpan.FromSeconds(4);
        board.Use(new PressureReading(polledAt, polledAt, 1, [.. Enum.GetValues<Queue>().Select(QueuePressure.Unknown)]));
        Assert.Equal(400, board.DepthOf(Queue.Critical, clock.GetUtcNow()));
    }

    private int Accepted(Queue queue, int most)
    {
        var accepted = 0;
        while (accepted < most && gate.AskBatch([(queue, 1)]) is null)
            accepted++;
        return accepted;
    }

    private void Read(Queue queue, PressureLevel level, long depth, double? rate, int takers = 1)
    {
        clock.Advance(TimeSpan.FromSeconds(5));
        var now = clock.GetUtcNow();
        board.Use(new PressureReading(now, now, takers, [.. Enum.GetValues<Queue>().Select(one =>
            one == queue ? new QueuePressure(one, level, now, depth, 0, 0, 0, new DrainRate(rate, now, now)) : QueuePressure.Unknown(one))]));
    }
}
