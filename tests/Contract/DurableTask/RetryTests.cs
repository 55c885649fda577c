using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Contract.Tests.DurableTask;

public sealed class RetryTests
{
    [Fact]
    public void A_policy_waits_longer_each_time_up_to_its_longest() => DurableWorld.Run(async world =>
    {
        var (done, gaps) = await RunAsync(world, new RetryPolicy(6, TimeSpan.FromSeconds(1), 2, TimeSpan.FromSeconds(5)), failures: 5);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, done.RuntimeStatus);
        Assert.Equal([1, 2, 4, 5, 5], gaps);
    });

    [Fact]
    public void The_last_failure_is_thrown_when_the_attempts_are_used_up() => DurableWorld.Run(async world =>
    {
        var (done, gaps) = await RunAsync(world, new RetryPolicy(3, TimeSpan.FromSeconds(10)), failures: 99);

        Assert.Equal([10, 10], gaps);
        Assert.Contains("failure 3", done.FailureDetails!.ErrorMessage);
    });

    [Fact]
    public void No_attempt_starts_after_the_retry_timeout() => DurableWorld.Run(async world =>
    {
        var (done, gaps) = await RunAsync(
            world, new RetryPolicy(99, TimeSpan.FromSeconds(10), retryTimeout: TimeSpan.FromSeconds(25)), failures: 99);

        Assert.Equal([10, 10, 10], gaps); // at 0, 10, 20 the time was not over; the wait that began at 20 ends at 30
        Assert.Equal(OrchestrationRuntimeStatus.Failed, done.RuntimeStatus);
    });

    [Fact]
    public void A_failure_that_the_policy_does_not_handle_is_thrown_at_once() => DurableWorld.Run(async world =>
    {
        var policy = new RetryPolicy(9, TimeSpan.FromSeconds(1)) { HandleFailure = failure => !failure.ErrorMessage.Contains("failure 2") };

        var (done, gaps) = await RunAsync(world, policy, failures: 99);

        Assert.Equal([1], gaps);
        Assert.Contains("failure 2", done.FailureDetails!.ErrorMessage);
    });

    [Fact]
    public void A_filter_that_throws_does_not_hide_the_failure() => DurableWorld.Run(async world =>
    {
        var policy = new RetryPolicy(9, TimeSpan.FromSeconds(1)) { HandleFailure = _ => throw new NotImplementedException() };

        var (done, _) = await RunAsync(world, policy, failures: 99);

        Assert.Contains("failure 1", done.FailureDetails!.ErrorMessage);
    });

    [Fact]
    public void A_handler_decides_and_may_wait() => DurableWorld.Run(async world =>
    {
        var seen = new List<(int, string, double)>();
        var options = TaskOptions.FromRetryHandler(async retry =>
        {
            if (!retry.OrchestrationContext.IsReplaying)
                seen.Add((retry.LastAttemptNumber, retry.LastFailure.ErrorMessage, retry.TotalRetryTime.TotalSeconds));
            await retry.OrchestrationContext.CreateTimer(TimeSpan.FromSeconds(retry.LastAttemptNumber), CancellationToken.None);
            return retry.LastAttemptNumber < 3;
        });

        var (done, gaps) = await RunAsync(world, options, failures: 99);

        Assert.Equal([1, 2], gaps);
        Assert.Equal([(1, "failure 1", 0), (2, "failure 2", 1), (3, "failure 3", 3)], seen);
        Assert.Equal(OrchestrationRuntimeStatus.Failed, done.RuntimeStatus);
    });

    [Fact]
    public void A_retry_in_a_parallel_group_does_not_hold_up_the_others() => DurableWorld.Run(async world =>
    {
        var tries = 0;
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Both", async context =>
            {
                var slow = context.CallActivityAsync<int>("Flaky", options: TaskOptions.FromRetryPolicy(new RetryPolicy(3, TimeSpan.FromMinutes(1))));
                var quick = context.CallActivityAsync<int>("Steady");
                var first = await Task.WhenAny(slow, quick);
                context.SetCustomStatus(first == quick ? "quick" : "slow");
                return await slow + await quick;
            });
            engine.Activity<object, int>("Flaky", _ => ++tries < 3 ? throw new TimeoutException() : 1);
            engine.Activity<object, int>("Steady", _ => 10);
        });

        var done = await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Both"), true);

        Assert.Equal(11, done.ReadOutputAs<int>());
        Assert.Equal("quick", done.ReadCustomStatusAs<string>());
    });

    [Theory]
    [InlineData(0, 1, 1, null)]
    [InlineData(1, 0, 1, null)]
    [InlineData(1, 1, 0.9, null)]
    [InlineData(1, 2, 1, 1)]
    public void A_policy_that_makes_no_sense_is_refused(int attempts, int first, double coefficient, int? longest) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RetryPolicy(
            attempts, TimeSpan.FromSeconds(first), coefficient, longest is { } seconds ? TimeSpan.FromSeconds(seconds) : null));

    private static Task<(OrchestrationMetadata Done, List<double> Gaps)> RunAsync(DurableWorld world, RetryPolicy policy, int failures) =>
        RunAsync(world, TaskOptions.FromRetryPolicy(policy), failures);

    /// <summary>Calls an activity that fails so often; the gaps between its calls are in seconds.</summary>
    private static async Task<(OrchestrationMetadata Done, List<double> Gaps)> RunAsync(DurableWorld world, TaskOptions options, int failures)
    {
        var calls = new List<DateTimeOffset>();
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Try", context => context.CallActivityAsync<int>("Flaky", options));
            engine.Activity<object, int>("Flaky", _ =>
            {
                calls.Add(world.Clock.GetUtcNow());
                return calls.Count <= failures ? throw new TimeoutException($"failure {calls.Count}") : calls.Count;
            });
        });
        var done = await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Try"), true);
        return (done, [.. calls.Zip(calls.Skip(1), (one, next) => Math.Round((next - one).TotalSeconds, 3))]);
    }
}
