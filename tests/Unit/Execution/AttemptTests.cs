using Weir;
using Weir.Execution;
using Weir.Receipts;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

/// <summary>What an attempt's handler can do to itself, and what its instance can do to it.</summary>
public sealed class AttemptTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_handler_that_ignores_its_token_is_left_behind_and_its_late_outcome_changes_nothing()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Deaf));
        Deaf.Release = new TaskCompletionSource();
        var id = await weir.SubmitAsync("deaf", new Nothing());
        var running = weir.RunNextAsync();

        // A timeout of 10 s and a grace of 5.
        Assert.IsType<Settlement.Complete>(await weir.PassTimeAsync(running, TimeSpan.FromSeconds(17)));
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Retrying, AttemptOutcome.TimedOut), (job.Receipt.State, job.Attempts[0].Outcome));

        Deaf.Release.SetResult();
        await weir.RunAllAsync(TimeSpan.FromSeconds(5));
        job = await weir.JobAsync(id);
        Assert.Equal(JobState.Succeeded, job.Receipt.State);
        Assert.Equal([AttemptOutcome.TimedOut, AttemptOutcome.Succeeded], job.Attempts.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_a_handler_that_ignores_it()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Deaf));
        Deaf.Release = new TaskCompletionSource();
        await weir.SubmitAsync("deaf", new Nothing());
        using var stopping = new CancellationTokenSource();
        var running = weir.RunNextAsync(stopping.Token);

        await stopping.CancelAsync();
        Assert.IsType<Settlement.HandBack>(await weir.PassTimeAsync(running, TimeSpan.FromSeconds(7)));
        Deaf.Release.SetResult();
    }

    [Fact]
    public async Task A_job_that_reports_nothing_has_stalled_and_is_tried_again()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Quiet));
        var id = await weir.SubmitAsync("quiet", new Nothing());
        var running = weir.RunNextAsync();

        for (var second = 0; second < 60; second += 20)
        {
            weir.Clock.Advance(TimeSpan.FromSeconds(20));
            await Quiet.Running!.ReportAsync(second / 100.0, $"{second} s");
        }
        Assert.False(running.IsCompleted);
        Assert.Equal(JobState.Running, (await weir.JobAsync(id)).Receipt.State);

        weir.Clock.Advance(TimeSpan.FromSeconds(30));
        await running.WaitAsync(Patience);
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Retrying, AttemptOutcome.Stalled), (job.Receipt.State, job.Attempts[0].Outcome));
        Assert.Equal((0.4, "40 s"), (job.Receipt.Progress, job.Receipt.ProgressMessage));
    }

    [Fact]
    public async Task Progress_is_written_at_most_once_a_second_and_the_last_report_always()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Quiet));
        var id = await weir.SubmitAsync("quiet", new Nothing());
        using var stopping = new CancellationTokenSource();
        var running = weir.RunNextAsync(stopping.Token);
        await Quiet.Running!.ReportAsync(0.1);
        var first = (await weir.JobAsync(id)).Receipt;
        for (var step = 2; step <= 9; step++)
            await Quiet.Running.ReportAsync(step / 10.0);
        Assert.Equal((0.1, first.ETag), ((await weir.JobAsync(id)).Receipt.Progress, (await weir.JobAsync(id)).Receipt.ETag));

        weir.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0.9, (await weir.JobAsync(id)).Receipt.Progress);
        await stopping.CancelAsync();
        await running.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_zombie_cannot_record_its_outcome()
    {
        await using var zombie = await WeirInMemory.StartAsync(typeof(Deaf));
        Deaf.Release = new TaskCompletionSource();
        var id = await zombie.SubmitAsync("deaf", new Nothing());
        var received = (await zombie.ReceiveAsync())!;
        var message = received.Message;
        await received.DisposeAsync(); // its lock is lost: the message can be had again
        var claims = zombie.Get<Claims>();
        var taken = Assert.IsType<Claimed.Ours>(await claims.TakeAsync(Weir.Lanes.JobMessage.Of(message)!, zombie.Get<Weir.Catalog.JobCatalog>().Find("deaf")!, Queue.Default, CancellationToken.None));

        // It freezes for longer than its lease; another instance takes over and finishes.
        zombie.Clock.Advance(TimeSpan.FromSeconds(40));
        await using var other = await zombie.JoinAsync(typeof(Deaf));
        Deaf.Release.SetResult();
        await other.RunNextAsync();
        var job = await other.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 2), (job.Receipt.State, job.Receipt.Attempt));

        var outcome = new AttemptRecord(1, taken.Claim.Attempt.StartedAt, zombie.Clock.GetUtcNow(), "zombie", AttemptOutcome.Succeeded, Error: null);
        for (var tries = 1; tries <= 2; tries++) // a renewal, perhaps, and then the outcome: what the first has seen of the new owner must not open the door for the second
        {
            Assert.Null(await taken.Claim.RecordAsync(
                (etag, token) => zombie.Get<ReceiptTable>().SucceedAsync(id, etag, outcome, default, [], progress: null, token), JobState.Succeeded, CancellationToken.None));
        }
        Assert.Equal([AttemptOutcome.WorkerLost, AttemptOutcome.Succeeded], (await other.JobAsync(id)).Attempts.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task Children_are_enqueued_once_and_only_by_the_attempt_that_succeeds()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Parent), typeof(Failing));
        var id = await weir.SubmitAsync("parent", new FailingRequest(Times: 2));
        var received = (await weir.ReceiveAsync())!;
        await received.SettleAsync(await weir.Runner.RunAsync(received.Message, Queue.Default, CancellationToken.None));
        await received.DisposeAsync();
        await weir.RunAllAsync(TimeSpan.FromSeconds(10));

        Assert.Equal(JobState.Succeeded, (await weir.JobAsync(id)).Receipt.State);
        Assert.Equal(2, (await weir.JobAsync(id)).Receipt.Children);
        var children = await Task.WhenAll(Enumerable.Range(0, 2).Select(number => weir.JobAsync(Weir.Submission.JobId.FromKey("default", "failing", $"child:{id}:{number}"))));
        Assert.All(children, child => Assert.Equal(JobState.Succeeded, child.Receipt.State));
    }

    [Fact]
    public async Task A_crash_between_success_and_its_children_loses_none()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Parent), typeof(Failing));
        var id = await weir.SubmitAsync("parent", new FailingRequest(Times: 0));

        // As if the process had died after the outcome: the message was never settled and the children never sent.
        var received = (await weir.ReceiveAsync())!;
        var taken = (Claimed.Ours)await weir.Get<Claims>().TakeAsync(
            Weir.Lanes.JobMessage.Of(received.Message)!, weir.Get<Weir.Catalog.JobCatalog>().Find("parent")!, Queue.Default, CancellationToken.None);
        var outcome = new AttemptRecord(1, taken.Claim.Attempt.StartedAt, weir.Clock.GetUtcNow(), taken.Claim.Attempt.Owner, AttemptOutcome.Succeeded, Error: null);
        var child = new Weir.Submission.ChildJob(0, new Weir.Submission.SubmitRequest("failing", System.Text.Json.JsonElement.Parse("""{"times": 0}""")));
        await weir.Get<ReceiptTable>().SucceedAsync(id, (await weir.JobAsync(id)).Receipt.ETag, outcome, default, [child.ToRow(id)], progress: null, CancellationToken.None);
        await received.DisposeAsync();

        await weir.RunAllAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Succeeded, (await weir.JobAsync(Weir.Submission.JobId.FromKey("default", "failing", $"child:{id}:0"))).Receipt.State);
    }
}
