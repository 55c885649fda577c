using System.Diagnostics;
using Weir;
using Weir.Schedules;
using Weir.Submission;

namespace Unit.Tests.Schedules;

/// <summary>What becomes of occurrences that were missed, that overlap, that fall into a pause or where the clocks change.</summary>
public sealed class PolicyTests
{
    private const string Hourly = """{"type": "scheduled", "payload": {"note": "n"}, "cron": "0 * * * *", "missed": "MISSED"}""";

    [Theory]
    [InlineData("skip", "")]
    [InlineData("last", "05:00:00")]
    [InlineData("all\", \"missedLimit\": 3, \"overlap\": \"allow", "03:00:00 04:00:00 05:00:00")]
    public async Task Of_five_missed_hours_the_policy_makes_up(string missed, string fired)
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", missed));
        await world.GoToAsync("2030-01-01T05:30:00Z");
        Assert.Equal(fired, await world.OccurrencesAsync());
        await world.GoToAsync("2030-01-01T06:00:00Z");
        Assert.Equal($"{fired} 06:00:00".Trim(), await world.OccurrencesAsync());
    }

    [Theory]
    [InlineData("skip")]
    [InlineData("last")]
    public async Task What_is_less_than_a_minute_late_was_not_missed(string missed)
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", missed));
        await world.GoToAsync("2030-01-01T05:00:59Z");
        Assert.Equal("05:00:00", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_stall_of_a_schedule_every_second_loses_nothing_of_the_last_minute()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", ScheduleWorld.Every);
        await world.PassAsync(TimeSpan.FromSeconds(55));
        Assert.Equal(55, (await world.JobsAsync()).Count);
        await world.PassAsync(TimeSpan.FromSeconds(90));
        Assert.Equal(55 + 61, (await world.JobsAsync()).Count);
    }

    [Theory]
    [InlineData("skip", 61)]
    [InlineData("last", 61)]
    [InlineData("all\", \"missedLimit\": 1000, \"overlap\": \"allow", 1_061)]
    public async Task A_year_of_seconds_missed_is_bounded(string missed, int fired)
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", missed).Replace("0 * * * *", "* * * * * *"));
        var began = Stopwatch.GetTimestamp();
        await world.GoToAsync("2031-01-01T00:00:00Z");
        for (var rounds = 0; rounds < 60; rounds++)
            await world.TickAsync();
        Assert.Equal(fired, (await world.JobsAsync()).Count);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60), "It took the year second by second.");
    }

    [Fact]
    public async Task What_was_judged_is_fired_however_long_that_takes()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var schedule = await world.PutAsync("s", Hourly.Replace("MISSED", "skip").Replace("0 * * * *", "* * * * * *"));
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(58));
        var first = await world.Weir.Get<ScheduleFiring>().FireAsync(schedule, CancellationToken.None);
        Assert.Equal((25, world.Now), (first!.FiredCount, first.JudgedUntil!.Value)); // a batch, and there it stood still
        await world.PassAsync(TimeSpan.FromSeconds(300));
        Assert.Equal(58 + 61, (await world.JobsAsync()).Count);
    }

    [Fact]
    public async Task Overlap_skip_passes_over_what_is_due_while_the_job_before_has_not_ended()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "*/10 * * * * *", "overlap": "skip"}""");
        await world.PassAsync(TimeSpan.FromSeconds(10));
        await world.PassAsync(TimeSpan.FromSeconds(10));
        await world.PassAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("00:00:10", await world.OccurrencesAsync());
        await world.RunJobsAsync();
        await world.PassAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("00:00:10 00:00:40", await world.OccurrencesAsync());
        var schedule = await world.ShowAsync("s");
        Assert.Equal((2, 2, null), (schedule.FiredCount, schedule.SkippedCount, schedule.Decided));
    }

    [Fact]
    public async Task What_was_decided_is_fired_though_it_overlaps_by_now()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var schedule = await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "*/10 * * * * *", "overlap": "skip"}""");
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(10));
        var decided = await world.Weir.Get<ScheduleTable>().WriteAsync(schedule, schedule with { Decided = world.Now }, "the one that died", CancellationToken.None);
        Assert.NotNull(decided);
        await world.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Equal("00:00:10", await world.OccurrencesAsync());
        Assert.Null((await world.ShowAsync("s")).Decided);
    }

    [Fact]
    public async Task Overlap_replace_cancels_the_job_before()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", """{"type": "scheduled", "payload": {"note": "n"}, "cron": "*/10 * * * * *", "overlap": "replace"}""");
        await world.PassAsync(TimeSpan.FromSeconds(10));
        await world.PassAsync(TimeSpan.FromSeconds(10));
        var jobs = await world.JobsAsync();
        Assert.Equal([JobState.Cancelled, JobState.Queued], jobs.Select(job => job.State));
        Assert.Equal("schedule s", jobs[0].CancelledBy);
    }

    [Fact]
    public async Task What_falls_into_a_pause_is_not_made_up()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", "all"));
        await world.GoToAsync("2030-01-01T01:00:00Z");
        var paused = await world.Desk.PauseAsync("default", "s", "ada", "mending", null, CancellationToken.None);
        Assert.Equal(("ada", "mending"), (paused!.Pause!.By, paused.Pause.Reason));
        await world.GoToAsync("2030-01-01T04:30:00Z");
        await world.Desk.ResumeAsync("default", "s", CancellationToken.None);
        await world.GoToAsync("2030-01-01T05:00:00Z");
        Assert.Equal("01:00:00 05:00:00", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_pause_ends_at_its_time_and_a_put_does_not_end_it()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", "all"));
        await world.Desk.PauseAsync("default", "s", "ada", "mending", world.Now.AddHours(3), CancellationToken.None);
        var put = await world.PutAsync("s", Hourly.Replace("MISSED", "last").Replace("0 *", "30 *"));
        Assert.NotNull(put.Pause);
        await world.GoToAsync("2030-01-01T02:45:00Z");
        Assert.Equal("", await world.OccurrencesAsync());
        await world.GoToAsync("2030-01-01T03:30:00Z");
        Assert.Equal("03:30:00", await world.OccurrencesAsync());
        Assert.Null((await world.ShowAsync("s")).Pause);
    }

    [Fact]
    public async Task What_was_due_when_it_is_paused_is_fired()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", "last"));
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(3_601));
        await world.Desk.PauseAsync("default", "s", "ada", "mending", null, CancellationToken.None);
        Assert.Equal("01:00:00", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task Once_is_once_and_then_it_has_ended()
    {
        await using var world = await ScheduleWorld.StartAsync();
        const string At = """{"type": "scheduled", "payload": {"note": "n"}, "at": "2030-01-01T00:00:05+00:00"}""";
        await world.PutAsync("s", At);
        await world.PassAsync(TimeSpan.FromMinutes(10)); // missed, and made up
        await world.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal("00:00:05", await world.OccurrencesAsync());
        Assert.True((await world.ShowAsync("s")).IsEnded);
        Assert.Equal(1, (await world.PutAsync("s", At)).Revision); // put again it is the same
        Assert.IsType<PutAnswer.NeverDue>(await world.TryPutAsync("s", At.Replace("00:00:05", "00:00:06")));
    }

    [Theory]
    // Berlin puts its clocks forward at 01:00 UTC on 31 March 2030, and back at 01:00 UTC on 27 October.
    [InlineData("30 2 * * *", "2030-03-30T12:00:00Z", "2030-04-01T12:00:00Z", "01:00:00 00:30:00")]
    [InlineData("30 2 * * *", "2030-10-26T12:00:00Z", "2030-10-28T12:00:00Z", "00:30:00 01:30:00")]
    [InlineData("*/30 * * * *", "2030-03-31T00:00:00Z", "2030-03-31T02:00:00Z", "00:30:00 01:00:00 01:30:00 02:00:00")]
    [InlineData("*/30 * * * *", "2030-10-27T00:00:00Z", "2030-10-27T02:00:00Z", "00:30:00 01:00:00 01:30:00 02:00:00")]
    public async Task Where_the_clocks_change_it_fires_once_and_intervals_go_on(string cron, string from, string to, string fired)
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.GoToAsync(from);
        await world.PutAsync("s", $$"""{"type": "scheduled", "payload": {"note": "n"}, "cron": "{{cron}}", "timeZone": "Europe/Berlin"}""");
        while (world.Now < DateTimeOffset.Parse(to, System.Globalization.CultureInfo.InvariantCulture))
            await world.PassAsync(TimeSpan.FromMinutes(30));
        Assert.Equal(fired, await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_change_counts_for_what_comes_after_it()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", "last"));
        world.Weir.Clock.Advance(TimeSpan.FromSeconds(3_602));
        var put = await world.PutAsync("s", Hourly.Replace("MISSED", "last").Replace("0 *", "*/15 *"));
        Assert.Equal(2, put.Revision);
        await world.TickAsync();
        await world.GoToAsync("2030-01-01T01:15:00Z");
        Assert.Equal("01:00:00 01:15:00", await world.OccurrencesAsync());
    }

    [Fact]
    public async Task A_put_under_a_condition_is_for_what_its_sender_has_seen()
    {
        await using var world = await ScheduleWorld.StartAsync();
        var every = new Precondition(null, Any: true, None: false);
        Assert.IsType<PutAnswer.NotAsExpected>(await world.TryPutAsync("s", ScheduleWorld.Every, every));
        var first = await world.PutAsync("s", ScheduleWorld.Every);
        Assert.IsType<PutAnswer.NotAsExpected>(await world.TryPutAsync("s", ScheduleWorld.Every, new Precondition(null, Any: false, None: true)));
        await world.PassAsync(TimeSpan.FromSeconds(3)); // occurrences do not change the tag
        var seen = new Precondition([Precondition.TagOf(first)], Any: false, None: false);
        var second = Assert.IsType<PutAnswer.Written>(await world.TryPutAsync("s", ScheduleWorld.Every.Replace("\"n\"", "\"m\""), seen));
        Assert.Equal((false, 2), (second.Created, second.Schedule.Revision));
        Assert.IsType<PutAnswer.NotAsExpected>(await world.TryPutAsync("s", ScheduleWorld.Every, seen));
        Assert.Null(await world.Desk.RemoveAsync("default", "s", seen, CancellationToken.None));
    }

    [Fact]
    public async Task Run_now_is_a_job_of_its_own_and_one_under_its_key()
    {
        await using var world = await ScheduleWorld.StartAsync();
        await world.PutAsync("s", Hourly.Replace("MISSED", "last"));
        var first = Assert.IsType<Submitted.Accepted>(await world.Desk.RunAsync("default", "s", "key", CancellationToken.None));
        await world.PutAsync("s", Hourly.Replace("MISSED", "last").Replace("\"n\"", "\"m\""));
        var again = Assert.IsType<Submitted.Accepted>(await world.Desk.RunAsync("default", "s", "key", CancellationToken.None));
        Assert.Equal((first.JobId, true), (again.JobId, again.Replayed));
        Assert.NotEqual(first.JobId, Assert.IsType<Submitted.Accepted>(await world.Desk.RunAsync("default", "s", null, CancellationToken.None)).JobId);
        Assert.Equal(0, (await world.ShowAsync("s")).FiredCount);
        Assert.Null(await world.Desk.RunAsync("default", "none", null, CancellationToken.None));
    }
}
