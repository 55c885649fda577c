using Weir;
using Weir.Testing;
using static Jobs.Tests.Kit.TestJobs;

namespace Jobs.Tests.Kit;

/// <summary>What goes wrong when a test wants it to, and that Weir copes.</summary>
public sealed class FaultTests
{
    [Theory]
    [InlineData("run.handler")]
    [InlineData("run.handled")]
    [InlineData("run.outcome")]
    [InlineData("run.retry-sent")]
    public async Task A_job_outlives_its_instance_wherever_that_dies(string step)
    {
        await using var weir = await WeirTest.StartAsync(Register);
        var job = await weir.SubmitAsync("kit.work", new Todo(FailTimes: 1));
        weir.KillAt(step);
        await weir.RunToEndAsync(job);

        Assert.Equal((JobState.Succeeded, 1), (job.State, weir.Deaths));
        Assert.Contains(job.Attempts, attempt => attempt.Outcome == (step.StartsWith("run.hand", StringComparison.Ordinal) ? "workerLost" : "failed"));
    }

    [Fact]
    public async Task A_submission_whose_instance_dies_is_not_answered_and_taken_up_under_its_key()
    {
        await using var weir = await WeirTest.StartAsync(Register);
        var key = new SubmitOptions { IdempotencyKey = "order-7" };
        weir.KillAt("submit.receipt");
        var unanswered = await Assert.ThrowsAsync<WeirTestException>(() => weir.SubmitAsync("kit.work", new Todo(), key));
        Assert.Contains("the instance was killed", unanswered.Message, StringComparison.Ordinal);

        var job = await weir.SubmitAsync("kit.work", new Todo(), key);
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Single(weir.Jobs);
    }

    [Fact]
    public async Task A_table_that_refuses_a_submission_is_told_to_the_client_and_one_that_refuses_an_outcome_costs_an_attempt()
    {
        await using var weir = await WeirTest.StartAsync(Register);
        weir.Tables.Refuse(times: 20);
        Assert.Equal("storeUnavailable", (await Assert.ThrowsAsync<RefusedException>(() => weir.SubmitAsync("kit.work", new Todo()))).Reason);
        weir.Tables.Recover();

        var job = await weir.SubmitAsync("kit.work", new Todo());
        weir.Tables.Refuse(on: "SubmitTransaction Receipts");
        await weir.RunToEndAsync(job);
        Assert.Equal(JobState.Succeeded, job.State);
        Assert.True(weir.Now > weir.StartedAt);
        Assert.Equal(["workerLost", "succeeded"], job.Attempts.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task An_outcome_whose_answer_is_lost_counts_once()
    {
        await using var weir = await WeirTest.StartAsync(Register);
        var job = await weir.SubmitAsync("kit.parent", new Todo());
        weir.Tables.LoseAnswer(on: "SubmitTransaction Receipts");
        weir.Bus.LoseAnswer(on: "Complete weir-default");
        await weir.AdvanceAsync(TimeSpan.FromMinutes(10));

        Assert.Equal(JobState.Succeeded, job.State);
        Assert.Single(job.Attempts);
        Assert.Single(job.Children);
    }

    [Fact]
    public async Task An_instance_that_dies_before_or_after_a_call_leaves_what_that_call_left()
    {
        foreach (var after in new[] { false, true })
        {
            await using var weir = await WeirTest.StartAsync(Register);
            var job = await weir.SubmitAsync("kit.work", new Todo());
            if (after)
                weir.Tables.KillAfter("SubmitTransaction Receipts");
            else
                weir.Tables.KillBefore("SubmitTransaction Receipts");
            await weir.RunToEndAsync(job);
            Assert.Equal((after ? 1 : 2, 1), (job.Attempts.Count, weir.Deaths));
        }
    }

    [Fact]
    public async Task A_slow_broker_delays_the_answer_in_virtual_time()
    {
        await using var weir = await WeirTest.StartAsync(Register);
        weir.Bus.BeSlow(TimeSpan.FromSeconds(3), on: "Send weir-default");
        var job = await weir.SubmitAsync("kit.work", new Todo());
        Assert.Equal(TimeSpan.FromSeconds(3), weir.Now - weir.StartedAt);
        await weir.RunUntilIdleAsync();
        Assert.Equal(JobState.Succeeded, job.State);
    }

    [Fact]
    public async Task A_handler_alone_can_be_cancelled_interrupted_and_fail_by_its_checkpoint()
    {
        await using var handler = HandlerTest<Hangs>.Start();
        Assert.Equal("cancelled", (await handler.RunAsync(new Todo(), new HandlerRun { CancelAfter = TimeSpan.FromSeconds(3) })).Outcome);
        Assert.Equal("interrupted", (await handler.RunAsync(new Todo(), new HandlerRun { StopAfter = TimeSpan.FromSeconds(3) })).Outcome);
        var late = await handler.RunAsync(new Todo());
        Assert.Equal(("timedOut", 3, TimeSpan.FromSeconds(20)), (late.Outcome, late.Number, late.Took));

        await using var parent = HandlerTest<Parent>.Start();
        var child = Assert.Single((await parent.RunAsync(new Todo())).Children);
        Assert.Equal(("kit.work", "child"), (child.Type, child.PayloadAs<Todo>().Name));
        parent.NextJob();
        Assert.Equal("Unknown", (await parent.RunAsync(new Todo(FailTimes: 1))).Error?.Class);
        await Assert.ThrowsAsync<RefusedException>(() => parent.RunAsync(new { name = new string('x', 21) }));
    }
}
