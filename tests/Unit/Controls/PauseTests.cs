using Weir;
using Weir.Controls;
using Weir.Execution;
using Weir.Holds;
using Weir.Receipts;

namespace Unit.Tests.Controls;

public sealed class PauseTests
{
    private static readonly TimeSpan Some = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData("type", "paused.one", 1)]
    [InlineData("queue", "default", 2)]
    [InlineData("tenant", "default", 2)]
    public async Task What_is_paused_is_held_and_all_of_it_runs_when_it_is_resumed(string kind, string name, int types)
    {
        await using var weir = await ControlledWorld.StartAsync();
        var ones = await weir.SubmitManyAsync("paused.one", 40);
        var others = await weir.SubmitManyAsync("paused.other", 5);
        await weir.PutAsync(Control.KindOf(kind)!.Value, name);
        await weir.RunAllAsync(Some);

        Assert.All(await weir.StatesAsync(ones), state => Assert.Equal(JobState.Held, state));
        Assert.All(await weir.StatesAsync(others), state => Assert.Equal(types == 1 ? JobState.Succeeded : JobState.Held, state));
        Assert.Null(await weir.ReceiveAsync()); // what is held has no message, and costs nothing

        await weir.RemoveAsync(Control.KindOf(kind)!.Value, name);
        await weir.RunAllAsync(Some);
        foreach (var id in ones.Concat(others))
        {
            var job = await weir.JobAsync(id);
            Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, Assert.Single(job.Attempts).Number));
        }
        Assert.Equal(0, await weir.HeldAsync());
    }

    [Fact]
    public async Task A_pause_ends_by_itself_when_its_time_is_over_and_is_gone_from_the_table()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var ids = await weir.SubmitManyAsync("paused.one", 3);
        await weir.PutAsync(ControlKind.Type, "paused.one", TimeSpan.FromMinutes(1));
        await weir.RunAllAsync(Some);
        Assert.All(await weir.StatesAsync(ids), state => Assert.Equal(JobState.Held, state));

        weir.Clock.Advance(TimeSpan.FromMinutes(1));
        await weir.Get<HeldRelease>().SweepAsync(CancellationToken.None);
        await weir.RunAllAsync(Some);
        Assert.All(await weir.StatesAsync(ids), state => Assert.Equal(JobState.Succeeded, state));
        Assert.Empty((await weir.Get<ControlTable>().ReadAsync(CancellationToken.None)).Controls);
        Assert.Equal(["ended", "put"], (await weir.Get<AuditTable>().ReadAsync(null, 10, null, weir.Clock.GetUtcNow(), CancellationToken.None)).Select(entry => entry.Action));
    }

    [Fact]
    public async Task Another_instance_starts_nothing_by_a_view_that_is_older_than_four_seconds()
    {
        await using var weir = await ControlledWorld.StartAsync();
        await using var other = await ControlledWorld.JoinAsync(weir);
        var ids = await weir.SubmitManyAsync("paused.one", 2);
        await other.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunNextAsync(); // it may not know yet
        weir.Clock.Advance(ControlBoard.MaxAge + TimeSpan.FromMilliseconds(1));
        await weir.RunNextAsync();
        Assert.Equal([JobState.Held, JobState.Succeeded], (await weir.StatesAsync(ids)).Order());
    }

    [Fact]
    public async Task Who_holds_a_job_just_when_the_pause_ends_sees_that_himself()
    {
        await using var weir = await ControlledWorld.StartAsync();
        await using var other = await ControlledWorld.JoinAsync(weir);
        var ids = await weir.SubmitManyAsync("paused.one", 2);
        await weir.PutAsync(ControlKind.Type, "paused.one");
        await other.RemoveAsync(ControlKind.Type, "paused.one");
        await weir.RunNextAsync(); // believes that it is paused, holds it, and looks again
        await weir.RunAllAsync(Some);
        Assert.All(await weir.StatesAsync(ids), state => Assert.Equal(JobState.Succeeded, state));
    }

    [Fact]
    public async Task What_a_dead_release_left_is_gone_on_with_by_the_sweep()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var ids = await weir.SubmitManyAsync("paused.one", 4);
        var control = await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);

        // The row was removed; one receipt was released and its message not sent.
        await weir.Get<ControlTable>().RemoveAsync(control, CancellationToken.None);
        var half = (await weir.JobAsync(ids[2])).Receipt;
        await weir.Get<ReceiptTable>().ReleaseHeldAsync(half.Id, half.ETag, CancellationToken.None);
        await weir.Get<HeldRelease>().SweepAsync(CancellationToken.None);
        await weir.RunAllAsync(Some);
        Assert.All(await weir.StatesAsync(ids), state => Assert.Equal(JobState.Succeeded, state));
        Assert.Equal(0, await weir.HeldAsync());
    }

    [Fact]
    public async Task A_job_that_is_held_again_while_it_is_being_released_keeps_its_place()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var id = (await weir.SubmitManyAsync("paused.one", 1))[0];
        await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        var held = weir.Get<HeldTable>();
        var group = (await held.NextGroupAsync(null, CancellationToken.None))!;
        var page = await held.ReadAsync(group, "", CancellationToken.None);

        await weir.Get<JobHolds>().ReleaseAsync(id, CancellationToken.None);
        await weir.RunAllAsync(Some); // still paused: held again, and marked again
        await held.RemoveAsync(group, page, CancellationToken.None); // what the release does last
        Assert.Equal(1, await weir.HeldAsync());

        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        Assert.Equal([JobState.Succeeded], await weir.StatesAsync([id]));
    }

    [Fact]
    public async Task An_attempt_that_failed_before_the_pause_is_followed_by_the_next_one_and_no_number_is_lost()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var id = await weir.SubmitAsync("paused.one", new ControlledWorld.Numbered(1, Fails: true));
        await weir.RunNextAsync();
        await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((JobState.Held, 1), ((await weir.JobAsync(id)).Receipt.State, (await weir.JobAsync(id)).Attempts.Count));

        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        await weir.RunNextAsync();
        Assert.Equal([1, 2], (await weir.JobAsync(id)).Attempts.Select(attempt => attempt.Number));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_late_copy_of_the_attempt_that_failed_before_the_pause_does_not_take_its_number_again(bool whilePaused)
    {
        await using var weir = await ControlledWorld.StartAsync();
        var id = await weir.SubmitAsync("paused.one", new ControlledWorld.Numbered(1, Fails: true));
        var first = (await weir.ReceiveAsync())!;
        await first.SettleAsync(await weir.Runner.RunAsync(first.Message, Queue.Default, CancellationToken.None));
        await first.DisposeAsync();
        await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(JobState.Held, (await weir.JobAsync(id)).Receipt.State);

        if (whilePaused)
            await weir.Runner.RunAsync(first.Message, Queue.Default, CancellationToken.None);
        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        if (!whilePaused)
            await weir.Runner.RunAsync(first.Message, Queue.Default, CancellationToken.None);
        await weir.RunAllAsync(TimeSpan.FromMinutes(5));
        Assert.Equal([1, 2, 3, 4, 5], (await weir.JobAsync(id)).Attempts.Select(attempt => attempt.Number));
    }

    [Fact]
    public async Task An_attempt_that_was_handed_back_is_held_under_its_own_number()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var id = (await weir.SubmitManyAsync("paused.one", 1))[0];
        var receipts = weir.Get<ReceiptTable>();
        // What a stop leaves: the first attempt was claimed, and given back.
        var before = (await weir.JobAsync(id)).Receipt;
        var claimed = await receipts.ClaimAsync(id, before.ETag, new Attempt(1, "gone", weir.Clock.GetUtcNow(), weir.Clock.GetUtcNow()), CancellationToken.None);
        await receipts.HandBackAsync(id, claimed!.Value, CancellationToken.None);

        await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        Assert.Equal(JobState.Held, (await weir.JobAsync(id)).Receipt.State);
        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.Succeeded, 1), (job.Receipt.State, Assert.Single(job.Attempts).Number));
    }

    [Fact]
    public async Task A_job_in_strict_order_keeps_its_place_in_its_key()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var request = new Weir.Submission.SubmitRequest("paused.strict", System.Text.Json.JsonSerializer.SerializeToElement(new { number = 1 })) { OrderingKey = "k" };
        var submission = weir.Get<Weir.Submission.JobSubmission>();
        var ids = new List<string>();
        for (var number = 0; number < 3; number++)
            ids.Add(Assert.IsType<Weir.Submission.Submitted.Accepted>(await submission.SubmitAsync(request, "default", null, CancellationToken.None)).JobId);
        await weir.PutAsync(ControlKind.Type, "paused.strict");
        await weir.RunAllAsync(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain(JobState.Succeeded, await weir.StatesAsync(ids));

        await weir.RemoveAsync(ControlKind.Type, "paused.strict");
        await weir.RunAllAsync(TimeSpan.FromSeconds(40));
        var ended = (await Task.WhenAll(ids.Select(weir.JobAsync))).Select(job => job.Receipt.FinishedAt).ToArray();
        Assert.All(ended, at => Assert.NotNull(at));
        Assert.Equal(ended.Order(), ended);
    }

    [Fact]
    public async Task A_drained_instance_hands_back_what_comes_and_another_one_runs_it()
    {
        await using var weir = await ControlledWorld.StartAsync();
        await using var other = await ControlledWorld.JoinAsync(weir);
        var id = (await weir.SubmitManyAsync("paused.one", 1))[0];
        await weir.PutAsync(ControlKind.Instance, weir.Get<Instance>().Id);
        Assert.IsType<Settlement.HandBack>(await weir.PassTimeAsync(weir.RunNextAsync(), TimeSpan.FromSeconds(10)));
        Assert.Equal(JobState.Queued, (await weir.JobAsync(id)).Receipt.State);
        await other.RunNextAsync();
        Assert.Equal(JobState.Succeeded, (await weir.JobAsync(id)).Receipt.State);
    }

    [Fact]
    public async Task A_job_of_a_paused_type_can_be_cancelled_and_does_not_come_back()
    {
        await using var weir = await ControlledWorld.StartAsync();
        var id = (await weir.SubmitManyAsync("paused.one", 1))[0];
        await weir.PutAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        await weir.Get<Weir.Cancellation.JobCancellation>().CancelAsync(id, null, new CancelRequest("no more"), CancellationToken.None);
        await weir.RemoveAsync(ControlKind.Type, "paused.one");
        await weir.RunAllAsync(Some);
        Assert.Equal((JobState.Cancelled, 0), ((await weir.JobAsync(id)).Receipt.State, (await weir.JobAsync(id)).Attempts.Count));
        Assert.Equal(0, await weir.HeldAsync());
    }
}
