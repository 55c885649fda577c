using Microsoft.Extensions.Logging.Abstractions;
using Weir;
using Weir.Controls;
using Weir.Execution;
using Weir.Index;
using Weir.Instances;

namespace Unit.Tests.Index;

public sealed class JobIndexTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 10, 30, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_line_that_is_written_late_takes_nothing_away_from_a_newer_one()
    {
        await using var store = await LocalStore.OpenAsync();
        var (here, there) = (store.NewIndex(), store.NewIndex());
        var submitted = new JobSummary("00000000-0000-4000-8000-000000000001", "t", "a", Start) { Queue = Queue.Bulk, CorrelationId = "c" };
        here.Put(submitted);
        there.Put(submitted with { Queue = null, CorrelationId = null, State = JobState.Succeeded, FinishedAt = Start });
        Assert.True(await there.FlushAsync(default));
        Assert.True(await here.FlushAsync(default));
        var (jobs, _) = await store.IndexTable.ReadAsync(submitted.PartitionKey, "", 10, default);
        Assert.Equal(submitted with { State = JobState.Succeeded, FinishedAt = Start }, Assert.Single(jobs));
    }

    [Fact]
    public async Task Jobs_of_a_busy_hour_and_of_quiet_years_come_newest_first_and_each_once()
    {
        await using var store = await LocalStore.OpenAsync();
        var chance = new Random(7);
        var times = Enumerable.Range(0, 2_500).Select(number => Start.AddMilliseconds(number / 3)) // several in one millisecond
            .Concat(Enumerable.Range(1, 60).Select(number => Start.AddHours(-number * 7)))
            .Concat(Enumerable.Range(1, 5).Select(number => Start.AddYears(-number)));
        var all = times.Select(time => new JobSummary(NewId(chance), "t", chance.Next(3) == 0 ? "a" : "b", time) { Queue = Queue.Default, State = JobState.Succeeded }).ToArray();
        foreach (var job in all)
            store.Index.Put(job);
        Assert.True(await store.Index.FlushAsync(default));

        store.Clock.Shift = Start.AddHours(1) - TimeProvider.System.GetUtcNow();
        var list = new JobList(store.IndexTable, store.Receipts, store.Clock);
        Assert.Equal(all.OrderBy(job => job.RowKey, StringComparer.Ordinal).Select(job => job.Id), await AllAsync(list, new(null, null, null, DateTimeOffset.UnixEpoch, null)));
        Assert.Equal(
            all.Where(job => job.Tenant == "a").OrderBy(job => job.RowKey, StringComparer.Ordinal).Select(job => job.Id),
            await AllAsync(list, new(null, null, "a", DateTimeOffset.UnixEpoch, null)));
        Assert.Equal(
            all.Where(job => job.SubmittedAt >= Start.AddHours(-21) && job.SubmittedAt <= Start.AddHours(-7)).OrderBy(job => job.RowKey, StringComparer.Ordinal).Select(job => job.Id),
            await AllAsync(list, new(null, null, null, Start.AddHours(-21), Start.AddHours(-7))));
        Assert.Empty(await AllAsync(list, new(JobState.Running, null, null, DateTimeOffset.UnixEpoch, null)));
    }

    [Fact]
    public async Task Lines_that_died_with_an_instance_are_found_by_another_once()
    {
        await using var store = await LocalStore.OpenAsync();
        var id = await store.EndedJobAsync("plain", JobState.Succeeded);
        // The lines in store.Index are never written: that instance was killed. Its last word was two minutes ago.
        var instances = new InstanceTable(store.Tables);
        await instances.CreateIfMissingAsync(default);
        var now = store.Clock.GetUtcNow();
        await instances.WriteAsync(new InstanceRecord("dead", "1", now.AddHours(-1), now.AddMinutes(-2), now.AddMinutes(-2), 0, []), default);

        var index = store.NewIndex();
        using var heartbeat = new Heartbeat(
            instances, new Instance("alive"), new InFlight(), index, new LostLines(store.Receipts, index, NullLogger<LostLines>.Instance), new ControlBoard(new ControlTable(store.Tables), store.Clock), store.Clock, NullLogger<Heartbeat>.Instance);
        await heartbeat.StartAsync(default);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await instances.ReadAsync(limit.Token)).Any(one => one.Id == "dead"))
            await Task.Delay(20, limit.Token);

        var list = new JobList(store.IndexTable, store.Receipts, store.Clock);
        Assert.Equal([id], await AllAsync(list, new(JobState.Succeeded, null, null, DateTimeOffset.UnixEpoch, null)));
        await heartbeat.StopAsync(default);
        Assert.Empty(await instances.ReadAsync(default));
    }

    [Fact]
    public async Task What_is_left_when_the_instance_stops_is_written()
    {
        await using var store = await LocalStore.OpenAsync();
        var index = store.NewIndex();
        await index.StartAsync(default);
        var job = new JobSummary("00000000-0000-4000-8000-000000000001", "t", "a", Start);
        index.Put(job);
        Assert.False(index.IsEmpty);
        await index.StopAsync(default);
        Assert.True(index.IsEmpty);
        Assert.Single((await store.IndexTable.ReadAsync(job.PartitionKey, "", 10, default)).Jobs);
    }

    [Fact]
    public void Too_many_lines_are_dropped_and_known_to_be()
    {
        using var index = new JobIndex(null!, TimeProvider.System, NullLogger<JobIndex>.Instance);
        var chance = new Random(1);
        for (var number = 0; number < 10_000; number++)
            index.Put(new JobSummary(NewId(chance), "t", "a", Start));
        var before = index.WrittenUntil;
        Assert.Null(index.TakeGap());
        index.Put(new JobSummary(NewId(chance), "t", "a", Start));
        Assert.Equal(before, index.WrittenUntil);
        Assert.False(index.IsEmpty);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_end_of_a_replay_counts_whenever_the_death_before_it_is_written(bool deathFirst)
    {
        await using var store = await LocalStore.OpenAsync();
        var (here, there) = (store.NewIndex(), store.NewIndex());
        var death = new JobSummary("00000000-0000-4000-8000-000000000001", "t", "a", Start) { State = JobState.DeadLettered, FinishedAt = Start };
        var success = death with { State = JobState.Succeeded, FinishedAt = Start.AddSeconds(1), Run = 1 };
        here.Put(death);
        there.Put(success);
        foreach (var index in deathFirst ? new[] { here, there } : [there, here])
            Assert.True(await index.FlushAsync(default));
        Assert.Equal(success, Assert.Single((await store.IndexTable.ReadAsync(death.PartitionKey, "", 10, default)).Jobs));

        Assert.Equal(success, death.Over(success));
        Assert.Equal(success, success.Over(death));
    }

    [Theory]
    [InlineData(JobState.Succeeded, false)]
    [InlineData(JobState.Cancelled, false)]
    [InlineData(JobState.DeadLettered, true)]
    [InlineData(JobState.Expired, true)]
    public void A_line_of_what_can_be_replayed_is_looked_up(JobState state, bool isBehind) =>
        Assert.Equal(isBehind, new JobSummary("00000000-0000-4000-8000-000000000001", "t", "a", Start) { Queue = Queue.Bulk, State = state }.IsBehind);

    private static string NewId(Random chance)
    {
        var bytes = new byte[16];
        chance.NextBytes(bytes);
        return new Guid(bytes).ToString("D");
    }

    private static async Task<List<string>> AllAsync(JobList list, JobFilter filter)
    {
        var ids = new List<string>();
        string? after = null;
        do
        {
            var page = await list.ReadAsync(filter, after, 100, default);
            ids.AddRange(page.Jobs.Select(job => job.Summary.Id));
            after = page.Next;
        }
        while (after is not null);
        return ids;
    }
}
