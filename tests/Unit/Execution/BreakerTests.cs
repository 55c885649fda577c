using Contract.Tests;
using Weir;
using Weir.Breakers;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

public sealed class BreakerTests
{
    [Fact]
    public void Five_failures_open_it_and_trials_close_it_second_by_second()
    {
        var clock = new ManualClock();
        var breaker = new Breaker("payments", clock);
        Assert.Equal([false, false, false, false, true], Enumerable.Range(0, 5).Select(_ => breaker.Report(false)));
        Assert.Equal(BreakerState.Open, breaker.State);
        Assert.Equal(clock.GetUtcNow() + TimeSpan.FromSeconds(5), breaker.TryEnter());

        clock.Advance(TimeSpan.FromSeconds(5));
        for (var allowed = 1; allowed < 64; allowed *= 2)
        {
            Assert.Equal(BreakerState.HalfOpen, breaker.State);
            Assert.All(Enumerable.Range(0, allowed), _ => Assert.Null(breaker.TryEnter()));
            Assert.NotNull(breaker.TryEnter());
            for (var trial = 0; trial < allowed; trial++)
                breaker.Report(trial % 2 == 0 ? true : null);
            Assert.Null(breaker.TryEnter());
            clock.Advance(TimeSpan.FromSeconds(1));
            breaker.Report(true); // successes for a second let twice as many through
        }
        Assert.Equal(BreakerState.Closed, breaker.State);
    }

    [Fact]
    public void A_failed_trial_opens_it_for_twice_as_long_up_to_a_minute()
    {
        var clock = new ManualClock();
        var breaker = new Breaker("payments", clock);
        for (var failure = 0; failure < 5; failure++)
            breaker.Report(false);
        foreach (var seconds in new[] { 10, 20, 40, 60, 60 })
        {
            clock.Advance(breaker.OpenUntil - clock.GetUtcNow());
            Assert.Null(breaker.TryEnter());
            Assert.True(breaker.Report(false));
            Assert.Equal(TimeSpan.FromSeconds(seconds), breaker.OpenUntil - clock.GetUtcNow());
        }
    }

    [Fact]
    public void Failures_among_many_successes_do_not_open_it()
    {
        var breaker = new Breaker("payments", new ManualClock());
        for (var call = 0; call < 1_000; call++)
            Assert.False(breaker.Report(call % 3 != 0));
        Assert.Equal(BreakerState.Closed, breaker.State);
    }

    [Fact]
    public void A_trial_that_nobody_reports_on_does_not_block_for_ever()
    {
        var clock = new ManualClock();
        var breaker = new Breaker("payments", clock);
        breaker.OpenUntilAtLeast(clock.GetUtcNow() + TimeSpan.FromSeconds(1));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(breaker.TryEnter());
        Assert.NotNull(breaker.TryEnter());
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(breaker.TryEnter());
    }

    [Fact]
    public async Task While_a_dependency_is_down_its_jobs_are_put_off_and_burn_no_attempt()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Dependent));
        (Dependent.Down, Dependent.Calls) = (true, 0);
        var ids = new List<string>();
        for (var number = 0; number < 40; number++)
            ids.Add(await weir.SubmitAsync("dependent", new Nothing(), key: $"{number}"));
        await weir.RunAllAsync(TimeSpan.FromSeconds(4));
        Assert.Equal(5, Dependent.Calls);
        Assert.Equal(35, (await Task.WhenAll(ids.Select(weir.JobAsync))).Count(job => job is { Receipt: { State: JobState.Queued, Attempt: 0 }, Attempts.Count: 0 }));

        Dependent.Down = false;
        await weir.RunAllAsync(TimeSpan.FromMinutes(2));
        Assert.All(await Task.WhenAll(ids.Select(weir.JobAsync)), job => Assert.Equal(JobState.Succeeded, job.Receipt.State));
        Assert.Equal(45, Dependent.Calls);
    }
}
