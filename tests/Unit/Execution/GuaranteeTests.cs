using Weir;
using Weir.Receipts;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

public sealed class GuaranteeTests
{
    [Fact]
    public async Task At_least_once_runs_again_when_its_message_comes_again_and_keeps_the_first_outcome()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        AtLeast.Starts = 0;
        var id = await weir.SubmitAsync("counted.atleast", new FailingRequest(Times: 0));
        var received = (await weir.ReceiveAsync())!;
        await weir.Runner.RunAsync(received.Message, Queue.Default, CancellationToken.None);
        var first = (await weir.JobAsync(id)).Receipt.ETag;
        await received.DisposeAsync(); // never settled: it comes again

        await weir.RunNextAsync();
        Assert.Equal(2, AtLeast.Starts);
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, first), (job.Receipt.State, job.Receipt.ETag));
        Assert.Null(await weir.RunNextAsync());
    }

    [Fact]
    public async Task At_least_once_is_retried_and_no_retry_is_lost_when_its_message_was_never_sent()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtLeast));
        var id = await weir.SubmitAsync("counted.atleast", new FailingRequest(Times: 1));
        await weir.RunAllAsync(TimeSpan.FromSeconds(3));
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 2), (job.Receipt.State, job.Attempts.Count));
    }

    [Fact]
    public async Task At_most_once_is_never_started_again_after_a_failure()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtMost));
        (AtMost.Starts, AtMost.Hold) = (0, null);
        var id = await weir.SubmitAsync("counted.atmost", new FailingRequest(Times: 5));
        await weir.RunAllAsync(TimeSpan.FromSeconds(5));
        Assert.Equal((JobState.DeadLettered, 1), ((await weir.JobAsync(id)).Receipt.State, AtMost.Starts));
    }

    [Fact]
    public async Task At_most_once_is_never_started_again_after_its_worker_was_lost()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtMost));
        (AtMost.Starts, AtMost.Hold) = (0, new TaskCompletionSource());
        var id = await weir.SubmitAsync("counted.atmost", new FailingRequest(Times: 0));
        var received = (await weir.ReceiveAsync())!;
        var taken = await weir.Get<Weir.Execution.Claims>().TakeAsync(
            Weir.Lanes.JobMessage.Of(received.Message)!, weir.Get<Weir.Catalog.JobCatalog>().Find("counted.atmost")!, Queue.Default, CancellationToken.None);
        Assert.IsType<Weir.Execution.Claimed.Ours>(taken);
        await received.DisposeAsync(); // the worker dies with the job claimed

        await weir.RunAllAsync(TimeSpan.FromSeconds(40));
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.DeadLettered, AttemptOutcome.WorkerLost, 0), (job.Receipt.State, Assert.Single(job.Attempts).Outcome, AtMost.Starts));
    }

    [Fact]
    public async Task At_most_once_is_not_handed_back_by_a_stop()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AtMost));
        (AtMost.Starts, AtMost.Hold) = (0, new TaskCompletionSource());
        var id = await weir.SubmitAsync("counted.atmost", new FailingRequest(Times: 0));
        using var stopping = new CancellationTokenSource();
        var running = weir.RunNextAsync(stopping.Token);
        await stopping.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(JobState.DeadLettered, (await weir.JobAsync(id)).Receipt.State);
    }
}
