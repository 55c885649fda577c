using Microsoft.Extensions.DependencyInjection;
using Weir;
using Weir.Testing;
using static Jobs.Tests.Kit.TestJobs;

namespace Jobs.Tests.Kit;

public sealed class WeirTestTests
{
    private static Task<WeirTest> StartAsync(WeirTestOptions? options = null) => WeirTest.StartAsync(Register, options);

    [Fact]
    public async Task Nothing_runs_before_the_test_lets_it_and_no_time_passes_while_it_does()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.work", new Todo("a"));
        Assert.Equal(JobState.Queued, job.State);
        Assert.NotNull(job.Why);

        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Null(job.Why);
        Assert.Equal("a", job.Result.GetProperty("name").GetString());
        Assert.Equal((0.5, "half way"), (job.Progress, job.ProgressMessage));
        Assert.Equal(weir.StartedAt, weir.Now);
    }

    [Fact]
    public async Task A_retry_comes_at_its_time_and_not_a_tick_before()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.work", new Todo(FailTimes: 1));
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Retrying, job.State);
        var at = job.NextAttemptAt!.Value;
        Assert.Equal(at, job.Attempts[0].RetryAt);

        await weir.AdvanceAsync(at - weir.Now - TimeSpan.FromTicks(1));
        Assert.Equal(JobState.Retrying, job.State);
        await weir.AdvanceAsync(TimeSpan.FromMilliseconds(2)); // the broker's timer counts in milliseconds
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.InRange(job.Attempts[1].StartedAt, at, at + TimeSpan.FromMilliseconds(2));
    }

    [Fact]
    public async Task A_delayed_job_begins_then_and_a_slow_one_takes_its_time()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.work", new Todo(Seconds: 12), new SubmitOptions { Delay = TimeSpan.FromHours(3) });
        await weir.AdvanceAsync(TimeSpan.FromHours(2.9));
        Assert.Equal(JobState.Scheduled, job.State);
        await weir.AdvanceAsync(TimeSpan.FromMinutes(6) + TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Running, job.State);
        await weir.AdvanceAsync(TimeSpan.FromSeconds(12));
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Equal(TimeSpan.FromSeconds(12), job.Attempts[0].FinishedAt - job.Attempts[0].StartedAt);
    }

    [Fact]
    public async Task What_does_not_end_is_named_with_the_reason()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.work", new Todo(FailTimes: 99));
        var other = await weir.SubmitAsync("kit.work", new Todo(), new SubmitOptions { Delay = TimeSpan.FromDays(1) });
        var failure = await Assert.ThrowsAsync<WeirTestException>(() => weir.RunToEndAsync(job, TimeSpan.FromMilliseconds(1)));

        Assert.Contains($"{job.Id} ('kit.work') has not ended within 00:00:00.0010000. It is Retrying: Attempt 1 of 5 failed", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"Also open: {other.Id} ('kit.work'), Scheduled", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attempts_run_out_and_leave_a_dead_letter_that_can_be_replayed_or_discarded()
    {
        await using var weir = await StartAsync();
        var replayed = await weir.SubmitAsync("kit.work", new Todo("a", FailTimes: 5));
        var given = await weir.SubmitAsync("kit.work", new Todo("b", FailTimes: 5));
        await weir.RunAllToEndAsync();
        Assert.Equal((JobState.DeadLettered, "attemptsExhausted", 5), (replayed.State, replayed.DeadLetterReason, replayed.Attempts.Count));
        Assert.Equal(2, weir.DeadLetters.Count);

        await weir.DeadLetters.Single(dead => dead.Job.Id == given.Id).DiscardAsync("nobody misses it");
        await Assert.Single(weir.DeadLetters).ReplayAsync();
        await weir.RunUntilIdleAsync();
        Assert.Equal((JobState.Succeeded, 6), (replayed.State, replayed.Attempts.Count));
        Assert.Equal(JobState.DeadLettered, given.State);
        Assert.Empty(weir.DeadLetters);
    }

    [Fact]
    public async Task A_child_is_there_only_once_its_parent_has_succeeded()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.parent", new Todo(FailTimes: 1));
        await weir.RunUntilIdleAsync();
        Assert.Empty(job.Children);
        await weir.RunToEndAsync(job);
        Assert.Equal(("kit.work", JobState.Succeeded), (Assert.Single(job.Children).Type, job.Children[0].State));
    }

    [Fact]
    public async Task A_schedule_makes_its_jobs_each_at_its_time()
    {
        await using var weir = await StartAsync();
        await weir.ScheduleAsync("nightly", "30 2 * * *", "kit.work", new Todo("night"), timeZone: "Europe/Berlin");
        await weir.AdvanceAsync(TimeSpan.FromDays(3));

        Assert.Equal(3, weir.JobsOfSchedule("nightly").Count);
        Assert.All(weir.JobsOfSchedule("nightly"), job => Assert.Equal(JobState.Succeeded, job.State));
        Assert.All(weir.JobsOfSchedule("nightly"), job => Assert.InRange(job.Attempts[0].StartedAt.TimeOfDay, new TimeSpan(1, 30, 0), new TimeSpan(1, 30, 2)));
        Assert.Equal("invalidCron", (await RefusedAsync("99 * * * *")).Reason);
        Assert.Equal("cronNeverFires", (await RefusedAsync("0 0 30 2 *")).Reason);
        Assert.Equal("unknownTimeZone", (await RefusedAsync("0 0 * * *", "Europe/Berln")).Reason);

        Task<RefusedException> RefusedAsync(string cron, string? zone = null) => Assert.ThrowsAsync<RefusedException>(() => weir.ScheduleAsync("odd", cron, "kit.work", new Todo(), zone));
    }

    [Fact]
    public async Task Jobs_of_a_strict_key_wait_behind_a_dead_one()
    {
        await using var weir = await StartAsync();
        var key = new SubmitOptions { OrderingKey = "k" };
        await weir.SubmitAsync("kit.strict", new Todo("bad"), key);
        var next = await weir.SubmitAsync("kit.strict", new Todo("good"), key);
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Held, next.State);
        Assert.Contains("dead letter", next.Why, StringComparison.Ordinal);

        await Assert.Single(weir.DeadLetters).DiscardAsync();
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Succeeded, next.State);
    }

    [Fact]
    public async Task A_handler_that_hangs_times_out_in_virtual_time()
    {
        await using var weir = await StartAsync();
        var job = await weir.SubmitAsync("kit.hangs", new Todo());
        await weir.AdvanceAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(["timedOut"], job.Attempts.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task A_handler_that_waits_for_the_test_goes_on_when_it_has_its_answer()
    {
        var answer = new TaskCompletionSource<string>();
        await using var weir = await WeirTest.StartAsync(app =>
        {
            Register(app);
            app.Services.AddSingleton(answer);
        });
        var job = await weir.SubmitAsync("kit.outside", new Todo());
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Running, job.State);
        answer.SetResult("here");
        await weir.RunUntilIdleAsync();
        Assert.Equal("here", job.ResultAs<string>());
    }

    [Fact]
    public async Task A_running_job_can_be_cancelled_and_one_that_waits_too()
    {
        await using var weir = await StartAsync();
        var runs = await weir.SubmitAsync("kit.hangs", new Todo());
        var waits = await weir.SubmitAsync("kit.work", new Todo(), new SubmitOptions { Delay = TimeSpan.FromDays(1) });
        await weir.RunUntilIdleAsync();
        Assert.True(await runs.CancelAsync("enough"));
        Assert.True(await waits.CancelAsync());
        await weir.AdvanceAsync(TimeSpan.FromSeconds(11));
        Assert.Equal((JobState.Cancelled, JobState.Cancelled), (runs.State, waits.State));
        Assert.False(await runs.CancelAsync());
    }

    [Fact]
    public async Task A_fake_that_calls_the_kit_is_told_not_to()
    {
        WeirTest? kit = null;
        await using var weir = kit = await WeirTest.StartAsync(app =>
        {
            Register(app);
            app.Services.AddSingleton(_ =>
            {
                kit!.RunUntilIdleAsync();
                return new TaskCompletionSource<string>();
            });
        });
        var job = await weir.SubmitAsync("kit.outside", new Todo());
        await weir.RunUntilIdleAsync();
        Assert.Contains("call it from the test", job.Error?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_test_takes_the_same_course()
    {
        var courses = new List<string>();
        for (var run = 0; run < 2; run++)
        {
            await using var weir = await StartAsync();
            var job = await weir.SubmitAsync("kit.work", new Todo(FailTimes: 3));
            await weir.RunToEndAsync(job);
            courses.Add($"{job.Id}: {string.Join(", ", job.Attempts.Select(attempt => attempt.StartedAt.Ticks))}");
        }
        Assert.Equal(courses[0], courses[1]);
    }

    [Fact]
    public async Task An_unknown_type_and_an_unknown_kill_point_are_told()
    {
        await using var weir = await StartAsync();
        Assert.Equal("unknownType", (await Assert.ThrowsAsync<RefusedException>(() => weir.SubmitAsync("kit.wrok", new Todo()))).Reason);
        Assert.Contains("run.handled", Assert.Throws<ArgumentException>(() => weir.KillAt("run.handeld")).Message, StringComparison.Ordinal);
    }
}
