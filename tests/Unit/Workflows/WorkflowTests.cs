using System.Text;
using System.Text.Json;
using Azure.Data.Tables;
using Unit.Tests.Execution;
using Weir;
using Weir.Cancellation;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;
using Weir.Workflows;
using static Unit.Tests.Workflows.TestWorkflows;

namespace Unit.Tests.Workflows;

/// <summary>Workflows over an engine and stores in memory: what needs two builds, a clock that runs, or a look at what no HTTP answer shows.</summary>
public sealed class WorkflowTests
{
    [Theory]
    [InlineData(false, "5")]
    [InlineData(true, "10")]
    public async Task Later_steps_get_the_results_of_earlier_ones_and_a_block_whose_condition_does_not_hold_is_left_out(bool doubles, string result)
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(AddUp));
        await using var host = await WorkflowHost.StartAsync(weir);
        var before = weir.Clock.GetUtcNow();
        var id = await weir.SubmitAsync("sum", new { first = 2, second = 3, @double = doubles });
        var job = await host.UntilAsync(id, JobState.Succeeded);

        Assert.Equal(result, Encoding.UTF8.GetString(job.Result.Span));
        Assert.True(weir.Clock.GetUtcNow() - before >= TimeSpan.FromMinutes(1));
        Assert.Equal(doubles ? StepStatus.Done : StepStatus.Skipped, job.Steps.Single(step => step.Name == "is-double").State);
        Assert.Equal(["first", "second", "pause", "is-double", "doubled"], job.Steps.Select(step => step.Name));
    }

    [Fact]
    public async Task A_run_ends_by_the_steps_it_began_with_whatever_a_newer_build_lists()
    {
        await using var older = await WeirInMemory.StartAsync(typeof(Older));
        var id = await older.SubmitAsync("changing", new { });
        await using (var host = await WorkflowHost.StartAsync(older))
            await host.UntilAsync(id, JobState.Waiting);

        await using var newer = await older.JoinAsync(typeof(Newer));
        await using var next = await WorkflowHost.StartAsync(newer);
        Assert.IsType<EventAnswer.Accepted>(await newer.Get<WorkflowEvents>().SendAsync(id, null, "go", JsonElement.Parse("1"), CancellationToken.None));
        var job = await next.UntilAsync(id, JobState.Succeeded);
        Assert.Equal(["begin", "go", "old-end"], job.Steps.Select(step => step.Name));
        Assert.All(job.Steps, step => Assert.Equal(StepStatus.Done, step.State));
    }

    [Fact]
    public async Task A_step_that_the_build_does_not_have_is_named_and_waited_for()
    {
        await using var older = await WeirInMemory.StartAsync(typeof(Older));
        var id = await older.SubmitAsync("changing", new { });
        await using (var host = await WorkflowHost.StartAsync(older))
        {
            await host.UntilAsync(id, JobState.Waiting);
            await older.Get<WorkflowEvents>().SendAsync(id, null, "go", JsonElement.Parse("1"), CancellationToken.None);
        }

        await using var newer = await older.JoinAsync(typeof(Without));
        await using (var lacking = await WorkflowHost.StartAsync(newer))
        {
            var waiting = await lacking.UntilAsync(id, job => job.Steps.Any(step => step.Error?.Type == "UnknownStep"));
            Assert.Contains("no step 'old-end'", waiting.Steps.Single(step => step.Name == "old-end").Error!.Message, StringComparison.Ordinal);
        }

        await using var again = await WorkflowHost.StartAsync(older);
        Assert.Equal(StepStatus.Done, (await again.UntilAsync(id, JobState.Succeeded)).Steps[^1].State);
    }

    [Fact]
    public async Task An_orchestrator_that_differs_from_its_history_is_a_dead_letter_that_names_it_and_the_event()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Older));
        var id = await weir.SubmitAsync("changing", new { });
        await using (var host = await WorkflowHost.StartAsync(weir))
            await host.UntilAsync(id, JobState.Waiting);

        await using (var other = await WorkflowHost.StartAsync(weir, async context =>
        {
            await context.CreateTimer(TimeSpan.FromDays(1), CancellationToken.None);
            return null;
        }))
        {
            await weir.Get<WorkflowEvents>().SendAsync(id, null, "go", JsonElement.Parse("1"), CancellationToken.None);
            for (var tries = 0; tries < 1_000 && (await weir.JobAsync(id)).Receipt.State != JobState.DeadLettered; tries++)
            {
                await Task.Delay(10);
                weir.Clock.Advance(TimeSpan.FromMilliseconds(250)); // the host that was there before may have died with a turn in hand: its lock lasts a minute
                await weir.Get<WorkflowSweep>().RunAsync(CancellationToken.None);
            }
            Assert.Null(await other.Client.GetInstanceAsync(id, CancellationToken.None));
        }

        var entry = (await weir.Get<DeadLetterDesk>().FindAsync(id, CancellationToken.None))!;
        Assert.Equal(DeadLetterReason.OrchestrationFailed, entry.Entry.Reason);
        Assert.Contains("NonDeterministic", entry.Entry.Error!.Type, StringComparison.Ordinal);
        Assert.Contains("orchestrator 'RunWorkflow'", entry.Entry.Error.Message, StringComparison.Ordinal);
        Assert.Matches("differs from its history at event [0-9]+", entry.Entry.Error.Message);

        // A replay goes on where it was: the step that is done is not run again, the event is there.
        await using var mended = await WorkflowHost.StartAsync(weir);
        Assert.IsType<ReplayAnswer.Queued>(await weir.Get<DeadLetterDesk>().ReplayAsync(id, null, new Handling("test", weir.Clock.GetUtcNow(), null), CancellationToken.None));
        var job = await mended.UntilAsync(id, JobState.Succeeded);
        Assert.Equal(1, job.Steps[0].Attempts);
    }

    [Fact]
    public async Task A_terminated_orchestration_is_a_dead_letter()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Older));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("changing", new { });
        await host.UntilAsync(id, JobState.Waiting);
        await host.Client.TerminateInstanceAsync(id, CancellationToken.None);
        await weir.Get<WorkflowSweep>().RunAsync(CancellationToken.None);
        var job = await weir.JobAsync(id);
        Assert.Equal((JobState.DeadLettered, "Terminated"), (job.Receipt.State, job.Receipt.ErrorType));
        Assert.True(job.Receipt.IsCollected);
    }

    [Fact]
    public async Task A_replay_that_is_cancelled_before_it_begins_undoes_what_an_earlier_run_has_done()
    {
        (Standing.UndoFails, _) = (false, Standing.Effects.RemoveAll(_ => true));
        await using var weir = await WeirInMemory.StartAsync(typeof(Standing));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("standing.flow", new { });
        await host.UntilAsync(id, JobState.Waiting);
        await host.Client.TerminateInstanceAsync(id, CancellationToken.None);
        await weir.Get<WorkflowSweep>().RunAsync(CancellationToken.None);

        await CancelReplayAsync(weir, id);

        await host.UntilAsync(id, JobState.Cancelled);
        Assert.Equal(["run:one", "run:two", "undo:two", "undo:one"], Standing.Effects);
    }

    [Fact]
    public async Task A_replay_of_a_failed_compensation_that_is_cancelled_before_it_begins_compensates()
    {
        (Standing.UndoFails, _) = (true, Standing.Effects.RemoveAll(_ => true));
        await using var weir = await WeirInMemory.StartAsync(typeof(Standing));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("standing.flow", new { });
        await host.UntilAsync(id, JobState.Waiting);
        await weir.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("test"), CancellationToken.None);
        await host.UntilAsync(id, job => job.Receipt is { State: JobState.DeadLettered, IsCollected: true });

        Standing.UndoFails = false;
        await CancelReplayAsync(weir, id);

        await host.UntilAsync(id, JobState.Compensated);
        Assert.Equal(["run:one", "run:two", "undo:two", "undo:one"], Standing.Effects);
    }

    private static async Task CancelReplayAsync(WeirInMemory weir, string id)
    {
        Assert.IsType<ReplayAnswer.Queued>(await weir.Get<DeadLetterDesk>().ReplayAsync(id, null, new Handling("test", weir.Clock.GetUtcNow(), null), CancellationToken.None));
        var cancelled = await weir.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("test"), CancellationToken.None);
        Assert.Equal(JobState.Queued, Assert.IsType<Cancelled.Done>(cancelled).State);
        Assert.NotNull((await weir.JobAsync(id)).Receipt.CancelRequestedAt);
    }

    [Fact]
    public async Task A_child_jobs_result_is_the_steps()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(WithChild), typeof(AddUp));
        await using var host = await WorkflowHost.StartAsync(weir);
        var before = weir.Clock.GetUtcNow();
        var id = await weir.SubmitAsync("parent.flow", new { child = "sum" });
        var job = await host.UntilAsync(id, JobState.Succeeded);
        Assert.True(weir.Clock.GetUtcNow() - before < TimeSpan.FromMinutes(2), "The parent was not told, and found out by looking.");
        Assert.Equal("""{"sum":5}""", Encoding.UTF8.GetString(job.Result.Span));
    }

    [Fact]
    public async Task A_child_job_that_fails_fails_its_step()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(WithChild), typeof(TestJobs.Failing));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("parent.flow", new { child = "failing", times = 100 });
        var job = await host.UntilAsync(id, JobState.Compensated);
        Assert.Equal("ChildFailed", job.Steps[1].Error!.Type);
        Assert.Equal(StepStatus.Done, job.Steps[0].Compensation!.State);
    }

    [Fact]
    public async Task A_child_of_an_unknown_type_is_a_broken_workflow()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(WithChild));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("parent.flow", new { child = "nobody" });
        var job = await host.UntilAsync(id, job => job.Receipt.IsCollected);
        Assert.Contains("'nobody'", job.Receipt.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_workflow_that_cannot_be_is_a_dead_letter_that_says_why()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Broken));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("broken.flow", new { });
        var job = await host.UntilAsync(id, job => job.Receipt.IsCollected);
        Assert.Equal((JobState.DeadLettered, DeadLetterReason.Permanent), (job.Receipt.State, job.Receipt.DeadLetterReason));
        Assert.Contains("Two steps are called 'same'", job.Receipt.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_that_takes_too_long_has_failed_and_one_that_may_have_half_run_is_undone()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Slow));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("slow.flow", new { });
        var job = await host.UntilAsync(id, JobState.Compensated);
        Assert.Equal("System.TimeoutException", job.Steps[0].Error!.Type);
        Assert.Equal(StepStatus.Done, job.Steps[0].Compensation!.State);
    }

    [Fact]
    public async Task A_step_that_a_stop_interrupts_has_burnt_no_try()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Slow));
        var id = await weir.SubmitAsync("slow.flow", new { });
        await using (var host = await WorkflowHost.StartAsync(weir))
        {
            await host.UntilAsync(id, job => job.Steps is [{ State: StepStatus.Running, Attempts: 1 }]);
            await host.StopAsync();
            await host.UntilAsync(id, job => job.Steps is [{ State: StepStatus.Retrying, Attempts: 0 }]);
        }
        await using var next = await WorkflowHost.StartAsync(weir);
        Assert.Equal(1, (await next.UntilAsync(id, JobState.Compensated)).Steps[0].Attempts);
    }

    /// <summary>Of them three for the step: all rows of the job, its begin, its outcome.</summary>
    [Fact]
    public async Task A_workflow_of_one_step_is_ten_table_operations()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Without));
        await using var host = await WorkflowHost.StartAsync(weir);
        var before = weir.Get<TableServiceClient>().Operations.Snapshot();
        var id = await weir.SubmitAsync("changing", new { });
        await weir.RunNextAsync();
        await host.Client.WaitForInstanceCompletionAsync(id, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(10, weir.Get<TableServiceClient>().Operations.Snapshot().Values.Sum() - before.Values.Sum());
    }

    [Fact]
    public async Task In_strict_order_a_workflow_keeps_its_key_until_it_has_ended()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Ordered));
        await using var host = await WorkflowHost.StartAsync(weir);
        var first = await SubmitAsync(weir, "ordered.flow", "k");
        await host.UntilAsync(first, JobState.Waiting);
        var second = await SubmitAsync(weir, "ordered.flow", "k");
        await host.UntilAsync(second, JobState.Held);

        await weir.Get<WorkflowEvents>().SendAsync(first, null, "go", JsonElement.Parse("1"), CancellationToken.None);
        await host.UntilAsync(first, JobState.Succeeded);
        await host.UntilAsync(second, JobState.Waiting);
    }

    [Fact]
    public async Task A_branch_that_fails_ends_the_waits_of_the_others()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Fork));
        await using var host = await WorkflowHost.StartAsync(weir);
        var job = await host.UntilAsync(await weir.SubmitAsync("forked.flow", new { fails = true }), JobState.Compensated);
        var steps = job.Steps.ToDictionary(step => step.Name);
        Assert.Equal("no", job.Receipt.ErrorMessage);
        Assert.NotEqual(StepStatus.Done, steps["go"].State);
        Assert.Equal(StepStatus.Pending, steps["after"].State);
        Assert.All(job.Steps.Where(step => step.Name == "first" && step.State == StepStatus.Done), step => Assert.Equal(StepStatus.Done, step.Compensation!.State));
    }

    [Fact]
    public async Task A_workflow_may_go_on_without_an_event_that_is_late_and_refuses_it_then()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Fork));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("forked.flow", new { fails = false, goesOn = true });
        await host.UntilAsync(id, JobState.Waiting);
        weir.Clock.Jump(TimeSpan.FromDays(1));
        var job = await host.UntilAsync(id, JobState.Succeeded);
        Assert.Equal(StepStatus.Late, job.Steps.Single(step => step.Name == "go").State);
        Assert.True(Assert.IsType<EventAnswer.Taken>(await weir.Get<WorkflowEvents>().SendAsync(id, null, "go", JsonElement.Parse("1"), CancellationToken.None)).TooLate);
    }

    [Fact]
    public async Task A_cancelled_workflow_has_its_child_cancelled_too()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(WithChild), typeof(AddUp));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("parent.flow", new { child = "sum" });
        var childId = JobId.FromKey("default", "sum", $"child:{id}:child:0");
        await host.UntilAsync(id, job => job.Steps is [_, { State: StepStatus.Waiting }]);
        await host.UntilAsync(childId, JobState.Running);
        Assert.IsType<Cancelled.Done>(await weir.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest(), CancellationToken.None));
        var job = await host.UntilAsync(id, JobState.Cancelled);
        Assert.Equal(StepStatus.Done, job.Steps[0].Compensation!.State);
        Assert.Equal(JobState.Cancelled, (await weir.JobAsync(childId)).Receipt.State);
    }

    private static async Task<string> SubmitAsync(WeirInMemory weir, string type, string orderingKey)
    {
        var request = new SubmitRequest(type, JsonElement.Parse("{}")) { OrderingKey = orderingKey };
        return Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;
    }
}
