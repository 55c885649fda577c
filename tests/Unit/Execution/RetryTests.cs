using Weir;
using Weir.Receipts;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

public sealed class RetryTests
{
    [Fact]
    public async Task Two_hundred_failing_jobs_are_tried_five_times_each_when_they_said_they_would_be()
    {
        var first = await RunAsync(settings: []);
        Assert.All(first, job => Assert.Equal((JobState.DeadLettered, "AttemptsExhausted", 5), (job.Receipt.State, Capital(job.Receipt.DeadLetterReason), job.Attempts.Count)));
        foreach (var job in first)
        {
            var bound = TimeSpan.FromSeconds(2);
            foreach (var (attempt, next) in job.Attempts.Zip(job.Attempts.Skip(1)))
            {
                Assert.InRange(attempt.RetryAt!.Value - attempt.FinishedAt, TimeSpan.Zero, bound);
                // The clock moves by a tenth of a second: a retry is seen at most that much later than it was due, never sooner.
                Assert.InRange(next.StartedAt - attempt.RetryAt.Value, TimeSpan.Zero, TimeSpan.FromMilliseconds(100));
                bound = bound * 3 < TimeSpan.FromMinutes(5) ? bound * 3 : TimeSpan.FromMinutes(5);
            }
        }

        var second = await RunAsync(settings: []);
        Assert.Equal(Delays(first), Delays(second));
        Assert.True(Delays(first).Distinct().Count() > 700, "jitter spreads the delays");
    }

    [Fact]
    public async Task Past_the_retry_budget_delays_double()
    {
        var without = await RunAsync(settings: []);
        var with = await RunAsync(new() { ["Weir:Retries:standard:Budget"] = "0.2" });
        Assert.True(Delays(with).Sum() > Delays(without).Sum() * 1.3);
    }

    [Fact]
    public async Task What_the_other_side_said_wins_over_the_backoff()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Failing));
        var id = await weir.SubmitAsync("failing", new FailingRequest(Times: 1, RetryAfterSeconds: 120));
        await weir.RunNextAsync();
        var job = await weir.JobAsync(id);
        Assert.Equal(JobState.Retrying, job.Receipt.State);
        Assert.Equal(TimeSpan.FromSeconds(120), job.Receipt.NotBefore - job.Attempts[0].FinishedAt);
    }

    [Theory]
    [InlineData("Weir:Retries:standard:Attempts", "0", "expected 1 to 100")]
    [InlineData("Weir:Retries:standard:Multiplier", "0.5", "expected 1 to 10")]
    [InlineData("Weir:Retries:standard:Cap", "00:00:01", "expected Base to 7 days")]
    [InlineData("Weir:Jobs:failing:Retry", "nonsense", "There is no retry policy 'nonsense'")]
    public async Task A_setting_out_of_range_stops_the_start(string setting, string value, string why)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            WeirInMemory.StartAsync(AzureLocal.Storage.Store.InMemory(), new(), new() { [setting] = value }, [typeof(Failing)]));
        Assert.Contains(why, failure.Message);
    }

    private static async Task<JobRecord[]> RunAsync(Dictionary<string, string?> settings)
    {
        settings.TryAdd("Weir:Retries:standard:Budget", "1");
        await using var weir = await WeirInMemory.StartAsync(AzureLocal.Storage.Store.InMemory(), new(), settings, [typeof(Failing)]);
        var ids = new List<string>();
        for (var number = 0; number < 200; number++)
            ids.Add(await weir.SubmitAsync("failing", new FailingRequest(Times: 100), key: $"job-{number}"));
        await weir.RunAllAsync(TimeSpan.FromMinutes(4));
        return await Task.WhenAll(ids.Select(weir.JobAsync));
    }

    private static double[] Delays(IEnumerable<JobRecord> jobs) =>
        [.. jobs.SelectMany(job => job.Attempts.SkipLast(1)).Select(attempt => (attempt.RetryAt!.Value - attempt.FinishedAt).TotalMilliseconds)];

    private static string? Capital(string? reason) => reason is null ? null : char.ToUpperInvariant(reason[0]) + reason[1..];
}
