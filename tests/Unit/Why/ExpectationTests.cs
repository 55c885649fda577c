using AzureLocal.Storage;
using Contract.Tests;
using Weir;
using Weir.Pressure;
using Weir.Statistics;
using Weir.Why;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Why;

/// <summary>When a job that waits may be expected to start: what the figures say, and nothing where they do not.</summary>
public sealed class ExpectationTests
{
    private const string Type = "counted.atleast";

    private static readonly TimeSpan Mean = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task The_first_of_a_lane_starts_when_as_many_have_as_lie_before_it()
    {
        await using var weir = await StartAsync();
        var expectation = weir.Get<Expectation>();
        Assert.Null(expectation.OfSlot(Queue.Default, 3)); // nothing is known yet

        Measured(weir, perSecond: 2);
        var now = weir.Clock.GetUtcNow();
        Assert.Equal(now, expectation.OfSlot(Queue.Default, 0));
        Assert.Equal(now.AddSeconds(1.5), expectation.OfSlot(Queue.Default, 3));
        Assert.Null(expectation.OfSlot(Queue.Bulk, 3)); // never seen with a backlog
        Assert.Null(expectation.OfSlot(Queue.Default, 2 * 86_400)); // a day

        weir.Clock.Advance(TimeSpan.FromSeconds(91));
        Assert.Null(expectation.OfSlot(Queue.Default, 3)); // that is too long ago
    }

    [Fact]
    public async Task Those_ahead_in_a_lane_run_one_after_the_other_each_as_long_as_its_type_does()
    {
        await using var weir = await StartAsync();
        await RanAsync(weir, Type, times: 10);
        var (expectation, now) = (weir.Get<Expectation>(), weir.Clock.GetUtcNow());
        Task<DateTimeOffset?> BehindAsync(DateTimeOffset? runsSince, params string[] types) => expectation.BehindAsync(Queue.Default, [.. types.Select(Message)], runsSince, beforeFirst: 4, CancellationToken.None);

        Assert.Equal(now.AddSeconds(16), await BehindAsync(now.AddSeconds(-4), Type, Type));
        Assert.Equal(now.AddSeconds(10), await BehindAsync(now.AddSeconds(-30), Type, Type)); // the first may end at any moment
        Assert.Null(await BehindAsync(now, Type, "another")); // nobody knows how long that takes
        Assert.Null(await BehindAsync(runsSince: null, Type)); // nor when the first one begins

        Measured(weir, perSecond: 2);
        Assert.Equal(now.AddSeconds(2 + 10), await BehindAsync(runsSince: null, Type));
        Assert.Null(await expectation.BehindAsync(Queue.Default, [.. Enumerable.Repeat(Message(Type), 8_640)], now, beforeFirst: 0, CancellationToken.None)); // a day
    }

    [Fact]
    public async Task Of_a_type_of_which_few_have_run_nothing_is_said()
    {
        await using var weir = await StartAsync();
        await RanAsync(weir, Type, times: 9);
        Assert.Null(await weir.Get<Expectation>().BehindAsync(Queue.Default, [Message(Type)], weir.Clock.GetUtcNow(), beforeFirst: 0, CancellationToken.None));
    }

    [Fact]
    public async Task The_answer_about_a_job_has_it()
    {
        await using var weir = await StartAsync();
        var first = await weir.SubmitAsync(Type, new FailingRequest(0));
        var second = await weir.SubmitAsync(Type, new FailingRequest(0));
        weir.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([(ReasonKind.NextInLane, null), (ReasonKind.BehindInLane, null)], new[] { await WhyAsync(weir, first), await WhyAsync(weir, second) });

        await RanAsync(weir, Type, times: 10);
        Measured(weir, perSecond: 2);
        var now = weir.Clock.GetUtcNow();
        Assert.Equal((ReasonKind.NextInLane, now), await WhyAsync(weir, first));
        Assert.Equal((ReasonKind.BehindInLane, now + Mean), await WhyAsync(weir, second));
    }

    private static Task<WeirInMemory> StartAsync() => WeirInMemory.StartAsync(Store.InMemory(), new ManualClock(), new() { ["Weir:Lanes"] = "1" }, [typeof(AtLeast)]);

    private static async Task<(ReasonKind, DateTimeOffset?)> WhyAsync(WeirInMemory weir, string id)
    {
        var why = await weir.Get<Explanation>().OfAsync(await weir.JobAsync(id), CancellationToken.None);
        return (why!.Kind, why.ExpectedAt);
    }

    private static void Measured(WeirInMemory weir, double perSecond)
    {
        var now = weir.Clock.GetUtcNow();
        var queues = Enum.GetValues<Queue>().Select(queue => queue == Queue.Default ? QueuePressure.Unknown(queue) with { Depth = 10, Drain = new DrainRate(perSecond, now, now) } : QueuePressure.Unknown(queue));
        weir.Get<PressureBoard>().Use(new PressureReading(now, now, Takers: 1, [.. queues]));
    }

    /// <summary>Half of them took half of the mean, the other half as much more.</summary>
    private static Task RanAsync(WeirInMemory weir, string type, int times)
    {
        var series = new Series();
        for (var run = 0; run < times; run++)
        {
            var time = run % 2 == 0 ? Mean / 2 : Mean * 1.5;
            series.Run.Add(Latencies.BucketOf(time), 1);
            series.Run.AddSum(time);
        }
        var now = weir.Clock.GetUtcNow();
        return weir.Get<StatisticsTable>().WriteAsync(new StatisticsRow("one", now.AddSeconds(-10), now, [(new SeriesKey(type, Queue.Default), series)]), CancellationToken.None);
    }

    private static QueuedMessage Message(string type) => new("0196f0a2-0000-7000-8000-000000000001", type, "default.1", IsScheduled: false, default, PutOffBecause: null);
}
