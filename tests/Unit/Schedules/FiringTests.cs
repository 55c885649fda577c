using System.Text.Json;
using Azure.Data.Tables;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Hosting;
using Weir;
using Weir.Receipts;
using Weir.Schedules;
using Weir.Submission;

namespace Unit.Tests.Schedules;

/// <summary>What is due becomes one job, whoever fires it and wherever he dies.</summary>
public sealed class FiringTests
{
    [Fact]
    public async Task Every_occurrence_is_one_job_and_runs()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "*/20 * * * * *", "correlationId": "c"}""");
        await world.TickAsync();
        Assert.Equal("", await world.OccurrencesAsync());
        await world.PassAsync(TimeSpan.FromSeconds(45));
        Assert.Equal("00:00:20 00:00:40", await world.OccurrencesAsync());
        await world.PassAsync(TimeSpan.FromSeconds(15));
        Assert.Equal("00:00:20 00:00:40 00:01:00", await world.OccurrencesAsync());

        await world.RunJobsAsync();
        Assert.All(await world.JobsAsync(), job => Assert.Equal((JobState.Succeeded, "c"), (job.State, job.CorrelationId)));
        var schedule = await world.ShowAsync("s");
        Assert.Equal((3, world.Now, (await world.JobsAsync())[^1].Id), (schedule.FiredCount, schedule.Last!.Occurrence, schedule.Last.JobId));
    }

    [Fact]
    public async Task Many_instances_at_once_make_one_job_of_it()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await using var second = await world.JoinAsync(typeof(ScheduleWorld.Scheduled));
        await using var third = await world.JoinAsync(typeof(ScheduleWorld.Scheduled));
        await world.PutAsync("s", ScheduleWorld.Every);
        for (var seconds = 0; seconds < 30; seconds++)
        {
            world.Weir.Clock.Advance(TimeSpan.FromSeconds(1.1));
            await Task.WhenAll(world.TickAsync(), second.TickAsync(), third.TickAsync());
        }
        Assert.Equal(33, (await world.JobsAsync()).Count);
        Assert.Equal(33, (await world.ShowAsync("s")).FiredCount);
        await world.RunJobsAsync();
        Assert.All(await world.JobsAsync(), job => Assert.Equal((JobState.Succeeded, 1), (job.State, job.Attempt)));
    }

    [Fact]
    public async Task What_is_fired_while_somebody_pauses_is_on_record()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var read = await world.PutAsync("s", ScheduleWorld.Every);
        await world.Desk.PauseAsync("default", "s", "ada", "enough", until: null, CancellationToken.None);
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await world.Weir.Get<ScheduleFiring>().FireAsync(read, CancellationToken.None));

        var job = Assert.Single(await world.JobsAsync());
        var paused = await world.ShowAsync("s");
        Assert.Equal((1, job.Id, world.Now, "enough"), (paused.FiredCount, paused.Last?.JobId, paused.Cursor, paused.Pause?.Reason));
        await world.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Single(await world.JobsAsync());
    }

    [Fact]
    public async Task Clocks_that_differ_neither_double_nor_lose()
    {
        var store = Store.InMemory();
        var (clock, ahead) = (new ManualClock(), new ManualClock());
        ahead.Advance(TimeSpan.FromSeconds(3));
        await using var world = await ScheduleWorld.StartAsync(store, clock);
        await using var early = await ScheduleWorld.StartAsync(store, ahead);
        await world.PutAsync("s", ScheduleWorld.Every);
        for (var seconds = 0; seconds < 20; seconds++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            ahead.Advance(TimeSpan.FromSeconds(1));
            await (seconds % 3 == 0 ? world : early).TickAsync();
            await (seconds % 2 == 0 ? world : early).TickAsync();
        }
        var seen = (await world.JobsAsync()).Select(job => job.Occurrence!.At).ToArray();
        Assert.Equal(Enumerable.Range(1, seen.Length).Select(second => new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(second)), seen);
        Assert.InRange(seen.Length, 20, 23);
    }

    [Fact]
    public async Task Who_moved_the_cursor_last_fires_and_another_takes_over_a_second_later()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var schedule = await world.PutAsync("s", ScheduleWorld.Every);
        await world.Weir.Get<ScheduleTable>().WriteAsync(schedule, schedule, "another", CancellationToken.None);
        await world.PassAsync(TimeSpan.FromSeconds(1.9));
        Assert.Empty(await world.JobsAsync());
        await world.PassAsync(TimeSpan.FromSeconds(0.1));
        Assert.Equal("00:00:01 00:00:02", await world.OccurrencesAsync());
        await world.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal("00:00:01 00:00:02 00:00:03", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_change_after_a_crash_between_job_and_cursor_makes_no_second_job()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var schedule = await world.PutAsync("s", ScheduleWorld.Every);
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(1));
        await world.Weir.Get<OccurrenceSubmission>().FireAsync(schedule, world.Now, CancellationToken.None); // and then it crashed

        await world.PutAsync("s", ScheduleWorld.Every.Replace("\"n\"", "\"another\""));
        await world.TickAsync();
        var job = Assert.Single(await world.JobsAsync());
        await world.RunJobsAsync();
        Assert.Equal("\"n\"", (await world.Weir.JobAsync(job.Id)).Receipt.Result);
        Assert.Null((await world.ShowAsync("s")).LastError);
    }

    [Fact]
    public async Task A_job_whose_message_was_never_sent_is_sent_whatever_the_schedule_says_by_then()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await using var without = await world.JoinAsync();
        var schedule = await world.PutAsync("s", ScheduleWorld.Every);
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(1));
        var request = SubmitRequest.Read(JsonElement.Parse(schedule.Definition.Submission), [])! with { Occurrence = new(schedule.JobIdOf(world.Now), "s", world.Now) };
        Assert.Null(world.Weir.Get<JobSubmission>().Check(request, "default", null, out var unsent));
        await world.Weir.Get<ReceiptTable>().AddAsync(unsent!.ToReceipt(), unsent.Chunks, CancellationToken.None); // and then it crashed

        world.Weir.Clock.Advance(TimeSpan.FromSeconds(1));
        await without.TickAsync(); // a build that does not know the type
        Assert.Equal("unknownType", (await world.ShowAsync("s")).LastError?.Code);
        await world.RunJobsAsync();
        Assert.Equal(JobState.Succeeded, Assert.Single(await world.JobsAsync()).State);
    }

    [Fact]
    public async Task A_refused_submission_is_shown_and_the_schedule_goes_on()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await using var without = await world.JoinAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "* * * * *"}""");
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(61));
        await without.TickAsync();
        var schedule = await world.ShowAsync("s");
        Assert.Equal(("unknownType", (DateTimeOffset?)world.Now.AddSeconds(-1), 0), (schedule.LastError!.Code, schedule.LastError.Occurrence, schedule.FiredCount));
        await world.PassAsync(TimeSpan.FromSeconds(61));
        Assert.Equal("00:02:00", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_schedule_made_again_under_its_name_is_another_one()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var first = await world.PutAsync("s", ScheduleWorld.Every);
        Assert.True(await world.Desk.RemoveAsync("default", "s", Precondition.Nothing, CancellationToken.None));
        Assert.False(await world.Desk.RemoveAsync("default", "s", Precondition.Nothing, CancellationToken.None));
        var second = await world.PutAsync("s", ScheduleWorld.Every);
        Assert.NotEqual(first.JobIdOf(world.Now), second.JobIdOf(world.Now));
        await world.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(2, (await world.JobsAsync()).Count);
    }

    [Fact]
    public async Task A_deleted_schedule_fires_what_was_due_and_then_no_more()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", ScheduleWorld.Every);
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(await world.Desk.RemoveAsync("default", "s", Precondition.Nothing, CancellationToken.None));
        await world.PassAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("00:00:01 00:00:02", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_thousand_at_the_same_minute_are_all_fired()
    {
        await using var world = await ScheduleWorld.StartAsync();
        for (var number = 0; number < 1_000; number++)
            await world.PutAsync($"s{number}", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "* * * * *"}""");
        await world.PassAsync(TimeSpan.FromMinutes(1));
        var jobs = await world.JobsAsync();
        Assert.Equal((1_000, 1_000), (jobs.Count, jobs.Select(job => job.Occurrence!.Schedule).Distinct().Count()));
        await world.TickAsync();
        Assert.Equal(1_000, (await world.JobsAsync()).Count);
    }

    [Fact]
    public async Task An_idle_look_is_one_table_operation_and_an_occurrence_three()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "0 * * * *"}""");
        Assert.Equal(1, await CostAsync(world, world.TickAsync));
        Assert.Equal(world.Now + ScheduleFiring.Poll, await world.TickAsync());
        // The look, the schedule, the receipt, the cursor.
        world.Weir.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1 + 3, await CostAsync(world, world.TickAsync));
    }

    [Fact]
    public async Task It_says_when_the_next_is_due()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "at": "2030-01-01T00:00:03Z"}""");
        Assert.Equal(world.Now.AddSeconds(3), await world.TickAsync());
    }

    [Fact]
    public async Task The_loop_fires_to_the_second_and_hears_of_changes_at_once()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var loop = world.Weir.Get<IEnumerable<IHostedService>>().OfType<ScheduleLoop>().Single();
        await loop.StartAsync(CancellationToken.None);
        await world.PutAsync("s", ScheduleWorld.Every);
        for (var second = 1; second <= 5; second++)
        {
            await UntilAsync(() => Task.FromResult(world.Weir.Clock.NextDue <= world.Now.AddSeconds(1.01)));
            world.Weir.Clock.Advance(TimeSpan.FromSeconds(1.01));
            await UntilAsync(async () => (await world.JobsAsync()).Count == second);
        }
        await loop.StopAsync(CancellationToken.None);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
            await Task.Delay(5, limit.Token);
    }

    private static async Task<long> CostAsync(ScheduleWorld world, Func<Task> work)
    {
        var tables = world.Weir.Get<TableServiceClient>().Operations;
        var before = tables.Snapshot().Values.Sum();
        await work();
        return tables.Snapshot().Values.Sum() - before;
    }
}
