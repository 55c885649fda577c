using Microsoft.Extensions.Logging.Abstractions;
using Weir;
using Weir.Execution;
using Weir.Statistics;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Statistics;

/// <summary>What happens to jobs is counted once, written by each instance, and read of all of them.</summary>
public sealed class JobStatisticsTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Every_step_of_a_job_that_fails_once_is_counted_once()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        await weir.SubmitAsync("counted.atleast", new FailingRequest(Times: 1));
        weir.Clock.Advance(TimeSpan.FromSeconds(3));
        await weir.RunNextAsync();
        await weir.RunAllAsync(TimeSpan.FromMinutes(1));

        var series = await FlushedAsync(weir, "counted.atleast");
        Assert.Equal((1, 2, 1, 1, 0), (series[JobEvent.Submitted], series[JobEvent.Started], series[JobEvent.Retried], series[JobEvent.Succeeded], series[JobEvent.DeadLettered]));
        Assert.Equal((2, 2, 1), (series.Run.Count, series.Wait.Count, series.EndToEnd.Count));
        Assert.InRange(series.Wait.Sum, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task The_counts_of_all_instances_are_read_together_and_those_of_long_ago_are_not()
    {
        await using var one = await WeirInMemory.StartAsync(typeof(AtLeast));
        await using var other = await one.JoinAsync(typeof(AtLeast));
        one.Get<JobStatistics>().Count(JobEvent.Submitted, "a", Queue.Bulk, "t", times: 5);
        await FlushAsync(one);
        one.Clock.Advance(TimeSpan.FromMinutes(2));
        one.Get<JobStatistics>().Count(JobEvent.Submitted, "a", Queue.Bulk, "t", times: 3);
        other.Get<JobStatistics>().Count(JobEvent.Submitted, "a", Queue.Critical, "t", times: 4);
        await FlushAsync(one);
        one.Clock.Advance(TimeSpan.FromSeconds(1)); // in a test all instances have one id
        await FlushAsync(other);

        var reader = one.Get<StatisticsReader>();
        var last = await reader.ReadAsync(Minute, CancellationToken.None);
        Assert.Equal((7, 3), (last.OfType("a")[JobEvent.Submitted], last.Of(new("a", Queue.Bulk))[JobEvent.Submitted]));
        Assert.Equal(12, (await reader.ReadAsync(TimeSpan.FromMinutes(5), CancellationToken.None)).OfType("a")[JobEvent.Submitted]);
    }

    [Fact]
    public async Task Over_midnight_both_days_are_read()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        weir.Clock.Advance(weir.Clock.GetUtcNow().UtcDateTime.Date.AddDays(1).AddSeconds(-20) - weir.Clock.GetUtcNow().UtcDateTime);
        weir.Get<JobStatistics>().Count(JobEvent.Started, "a", Queue.Bulk, "t");
        await FlushAsync(weir);
        weir.Clock.Advance(TimeSpan.FromSeconds(40));
        weir.Get<JobStatistics>().Count(JobEvent.Started, "a", Queue.Bulk, "t");
        await FlushAsync(weir);
        Assert.Equal(2, (await weir.Get<StatisticsReader>().ReadAsync(Minute, CancellationToken.None)).OfType("a")[JobEvent.Started]);
        Assert.Equal(2, (await weir.Get<StatisticsTable>().ReadTotalsAsync(weir.Clock.GetUtcNow() - Minute, weir.Clock.GetUtcNow(), CancellationToken.None)).Sum(row => row.Of[Queue.Bulk].Started));
    }

    [Fact]
    public async Task An_instance_in_which_nothing_happens_writes_nothing()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        Assert.False(weir.Get<JobStatistics>().Something.IsCompleted);
        await FlushAsync(weir);
        Assert.Empty(await weir.Get<StatisticsTable>().ReadAsync(weir.Clock.GetUtcNow() - Minute, weir.Clock.GetUtcNow(), CancellationToken.None));
    }

    [Fact]
    public void There_is_room_for_so_many_types_and_the_rest_is_counted_together()
    {
        var statistics = new JobStatistics(TimeProvider.System);
        for (var type = 0; type < 1_000; type++)
            statistics.Count(JobEvent.Submitted, $"type-{type}", (Queue)(type % 3), "t");
        var taken = statistics.Take();
        Assert.Equal(JobStatistics.MostSeries, taken.Count);
        Assert.Equal(1_000, taken.Sum(one => one.Series[JobEvent.Submitted]));
        Assert.True(taken.Single(one => one.Key == new SeriesKey(JobStatistics.OtherTypes, Queue.Bulk)).Series[JobEvent.Submitted] > 100);
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        var statistics = new JobStatistics(TimeProvider.System);
        var message = new Weir.Lanes.JobMessage("id", "a", "t", "l", default, "", default) { EnqueuedAt = DateTimeOffset.UtcNow, SubmittedAt = DateTimeOffset.UtcNow };
        void Once()
        {
            statistics.Started(message, Queue.Default);
            statistics.Ran(message, Queue.Default, TimeSpan.FromMilliseconds(3));
            statistics.Ended(JobEvent.Succeeded, message, Queue.Default);
        }
        Once();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var times = 0; times < 1_000; times++)
            Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task A_row_whose_answer_is_lost_is_written_again_and_counts_once()
    {
        await using var weir = await WeirInMemory.StartAsync(AzureLocal.Storage.Store.InMemory(), new Contract.Tests.ManualClock(), new() { ["Weir:KillPoint"] = KillPoints.AfterCounted }, [typeof(AtLeast)]);
        weir.Get<KillPoints>().Die = () => throw new TimeoutException("The answer is lost.");
        var loop = new StatisticsLoop(weir.Get<JobStatistics>(), weir.Get<StatisticsTable>(), weir.Get<Instance>(), weir.Get<KillPoints>(), weir.Clock, NullLogger<StatisticsLoop>.Instance);
        weir.Get<JobStatistics>().Count(JobEvent.Started, "a", Queue.Bulk, "t", times: 2);
        await loop.FlushAsync(weir.Clock.GetUtcNow(), CancellationToken.None);
        weir.Clock.Advance(TimeSpan.FromSeconds(10));
        weir.Get<JobStatistics>().Count(JobEvent.Started, "a", Queue.Bulk, "t", times: 3);
        weir.Get<KillPoints>().Die = () => { };
        await loop.FlushAsync(weir.Clock.GetUtcNow(), CancellationToken.None);
        Assert.Equal(5, (await weir.Get<StatisticsReader>().ReadAsync(Minute, CancellationToken.None)).OfType("a")[JobEvent.Started]);
    }

    [Fact]
    public async Task Days_that_are_over_are_removed()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        for (var day = 0; day < 11; day++)
        {
            weir.Get<JobStatistics>().Count(JobEvent.Started, "a", Queue.Bulk, "t");
            await FlushAsync(weir);
            weir.Clock.Jump(TimeSpan.FromDays(1));
        }
        await weir.Get<StatisticsRetention>().RunAsync(CancellationToken.None);
        var left = new List<int>();
        for (var day = 0; day < 12; day++)
            left.Add((await weir.Get<StatisticsTable>().ReadAsync(weir.Clock.GetUtcNow().AddDays(-day).UtcDateTime.Date, weir.Clock.GetUtcNow().AddDays(-day).UtcDateTime.Date, CancellationToken.None)).Count);
        Assert.Equal([0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], left);
    }

    private static async Task<Series> FlushedAsync(WeirInMemory weir, string type)
    {
        await FlushAsync(weir);
        return (await weir.Get<StatisticsReader>().ReadAsync(TimeSpan.FromMinutes(10), CancellationToken.None)).OfType(type);
    }

    private static Task FlushAsync(WeirInMemory weir) => new StatisticsLoop(weir.Get<JobStatistics>(), weir.Get<StatisticsTable>(), weir.Get<Instance>(), weir.Get<KillPoints>(), weir.Clock, NullLogger<StatisticsLoop>.Instance)
        .FlushAsync(weir.Clock.GetUtcNow(), CancellationToken.None);
}
