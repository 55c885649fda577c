using AzureLocal.Storage;
using Contract.Tests;
using Unit.Tests.Reconciliation;
using Unit.Tests.Workflows;
using Weir;
using Weir.Batches;
using Weir.Cancellation;
using Weir.Execution;
using Weir.Receipts;
using Weir.Submission;
using Weir.Uniqueness;
using Weir.Why;
using Weir.Workflows;
using static Unit.Tests.Workflows.TestWorkflows;

namespace Unit.Tests.Why;

/// <summary>Each reason for which a job can wait is told when it is that one.</summary>
public sealed class WhyTests
{
    private static readonly TimeSpan ALittle = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_job_that_was_queued_a_moment_ago_and_one_that_is_the_first_of_its_lane()
    {
        await using var weir = await StartAsync();
        var id = await SubmitAsync(weir, new());
        Assert.Equal(ReasonKind.JustQueued, (await WhyAsync(weir, id)).Kind);

        weir.Clock.Advance(ALittle);

        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.NextInLane, 0), (why.Kind, why.Ahead));
    }

    [Fact]
    public async Task A_job_that_is_not_to_begin_before_its_time()
    {
        await using var weir = await StartAsync();
        var at = weir.Clock.GetUtcNow().AddHours(1);
        var id = await SubmitAsync(weir, new(), request => request with { Timing = Timing.None with { NotBefore = at } });
        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.Scheduled, (DateTimeOffset?)at), (why.Kind, why.ExpectedAt));
    }

    [Fact]
    public async Task A_job_whose_attempt_failed()
    {
        await using var weir = await StartAsync();
        var id = await SubmitAsync(weir, new(FailTimes: 1, RetryAfterSeconds: 30));
        await weir.RunNextAsync();
        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.Retrying, (DateTimeOffset?)weir.Clock.GetUtcNow().AddSeconds(30)), (why.Kind, why.ExpectedAt));
        Assert.Contains("Attempt 1 of 5", why.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_runs_and_those_behind_it_in_its_lane()
    {
        await using var weir = await StartAsync();
        var first = await SubmitAsync(weir, new(Waits: true));
        var second = await SubmitAsync(weir, new());
        var third = await SubmitAsync(weir, new());
        await using var received = (await weir.ReceiveAsync())!;
        var running = weir.Runner.RunAsync(received.Message, Queue.Default, CancellationToken.None);
        await Asked.Begun.Task;
        weir.Clock.Advance(ALittle);

        var instance = weir.Get<Instance>().Id;
        var (one, two, three) = (await WhyAsync(weir, first), await WhyAsync(weir, second), await WhyAsync(weir, third));
        Assert.Equal((ReasonKind.Running, instance), (one.Kind, one.Instance));
        Assert.Equal((ReasonKind.BehindInLane, 1, first, instance), (two.Kind, two.Ahead!.Value, two.JobId, two.Instance));
        Assert.Equal((ReasonKind.BehindInLane, 2, first), (three.Kind, three.Ahead!.Value, three.JobId));

        Asked.Go.SetResult();
        await running;
        Assert.Null(await weir.Get<Explanation>().OfAsync(await weir.JobAsync(first), CancellationToken.None));
    }

    [Fact]
    public async Task A_job_that_a_breaker_keeps_from_running()
    {
        await using var weir = await StartAsync();
        for (var failures = 0; failures < 5; failures++)
        {
            await SubmitAsync(weir, new(FailTimes: 9, RetryAfterSeconds: 3_600), type: "asked.depends");
            await weir.RunNextAsync();
        }
        var id = await SubmitAsync(weir, new(), type: "asked.depends");
        weir.Clock.Advance(ALittle);
        await weir.RunNextAsync();

        var why = await WhyAsync(weir, id);
        Assert.Equal(ReasonKind.PutOff, why.Kind);
        Assert.Contains("breaker", why.Detail, StringComparison.Ordinal);
        Assert.InRange(why.ExpectedAt!.Value, weir.Clock.GetUtcNow(), weir.Clock.GetUtcNow().AddMinutes(1));
    }

    [Fact]
    public async Task A_job_behind_a_dead_letter_of_its_ordering_key()
    {
        await using var weir = await StartAsync();
        var head = await SubmitAsync(weir, new(Permanent: true), request => request with { OrderingKey = "key" }, "asked.strict");
        var id = await SubmitAsync(weir, new(), request => request with { OrderingKey = "key" }, "asked.strict");
        await weir.RunAllAsync(TimeSpan.FromSeconds(1));
        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.OrderingKey, head), (why.Kind, why.JobId));
        Assert.Contains("dead letter", why.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_whose_unique_key_is_held()
    {
        await using var weir = await StartAsync();
        var unique = new UniqueRequest("one", UniqueMode.KeepLastIfActive, TimeSpan.Zero);
        var holder = await SubmitAsync(weir, new(FailTimes: 1, RetryAfterSeconds: 60), request => request with { Unique = unique });
        await weir.RunNextAsync();
        var id = await SubmitAsync(weir, new(), request => request with { Unique = unique });
        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.UniqueKey, holder), (why.Kind, why.JobId));
    }

    [Fact]
    public async Task An_item_of_a_paused_batch()
    {
        await using var weir = await StartAsync();
        var batch = await BatchAsync(weir);
        await weir.Get<BatchControls>().PauseAsync(batch, CancellationToken.None);
        await weir.RunNextAsync();
        var why = await WhyAsync(weir, new BatchItem(batch, 0).JobIdIn("default"));
        Assert.Equal(ReasonKind.BatchPaused, why.Kind);
        Assert.Contains(batch, why.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_is_looked_through_lies_before_it()
    {
        await using var weir = await StartAsync();
        var items = Enumerable.Range(0, QueuedMessages.Most / 1_000).Select(_ => Enumerable.Range(0, 1_000).Select(_ => new BulkItem(Request(new()), IdempotencyKey: null)).ToArray());
        foreach (var thousand in items)
            await weir.Get<BulkSubmission>().SubmitAsync(thousand, "default", CancellationToken.None);
        var id = await SubmitAsync(weir, new());
        weir.Clock.Advance(ALittle);
        Assert.Equal(ReasonKind.DeepInQueue, (await WhyAsync(weir, id)).Kind);
    }

    [Fact]
    public async Task A_job_whose_message_or_whose_worker_is_gone()
    {
        await using var world = await ReconciledWorld.StartAsync();
        var lost = await world.SubmitAsync(ReconciledWorld.Request(new("ada")));
        await world.LoseMessagesAsync();
        world.Clock.Advance(ALittle);
        Assert.Equal(ReasonKind.MessageMissing, (await WhyAsync(world.Weir, lost)).Kind);

        var dying = await world.JoinAsync(KillPoints.InHandler);
        var orphan = await world.SubmitAsync(ReconciledWorld.Request(new("bob")));
        await dying.RunNextAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        var why = await WhyAsync(world.Weir, orphan);
        Assert.Equal((ReasonKind.WorkerLost, dying.Get<Instance>().Id), (why.Kind, why.Instance));
    }

    [Fact]
    public async Task A_workflow_that_waits_for_an_event_for_a_time_or_for_a_child()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Fork), typeof(AddUp), typeof(WithChild));
        await using var host = await WorkflowHost.StartAsync(weir);
        var forked = await weir.SubmitAsync("forked.flow", new { fails = false });
        await host.UntilAsync(forked, JobState.Waiting);
        var why = await WhyAsync(weir, forked);
        Assert.Equal((ReasonKind.WaitingForEvent, "go"), (why.Kind, why.Step));

        var parent = await weir.SubmitAsync("parent.flow", new { child = "sum" });
        await host.UntilAsync(parent, job => job.Steps.Any(step => step is { Name: "child", State: StepStatus.Waiting }));
        Assert.Equal((ReasonKind.WaitingForChild, "child"), ((await WhyAsync(weir, parent)).Kind, (await WhyAsync(weir, parent)).Step));

        var summed = await weir.SubmitAsync("sum", new { first = 1, second = 2 });
        var pausing = await host.UntilAsync(summed, job => job.Steps.Any(step => step is { Name: "pause", State: StepStatus.Waiting }) && job.Steps[1].State == StepStatus.Done);
        why = await WhyAsync(weir, summed);
        Assert.Equal((ReasonKind.Delayed, "pause", pausing.Steps.Single(step => step.Name == "pause").Until), (why.Kind, why.Step, why.ExpectedAt));
    }

    [Fact]
    public async Task A_workflow_whose_step_or_whose_undoing_is_to_be_tried_again()
    {
        (Trying.StepFails, Trying.UndoFails) = (true, true);
        await using var weir = await WeirInMemory.StartAsync(typeof(Trying));
        await using var host = await WorkflowHost.StartAsync(weir);
        var id = await weir.SubmitAsync("trying.flow", new { });
        await host.UntilAsync(id, job => job.Steps.Any(step => step is { Name: "two", State: StepStatus.Retrying }));
        var why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.StepRetrying, "two"), (why.Kind, why.Step));
        Assert.NotNull(why.ExpectedAt);

        await weir.Get<JobCancellation>().CancelAsync(id, null, new CancelRequest("test"), CancellationToken.None);
        await host.UntilAsync(id, job => job.Steps[0].Compensation is { State: StepStatus.Retrying });
        why = await WhyAsync(weir, id);
        Assert.Equal((ReasonKind.Compensating, "one"), (why.Kind, why.Step));
        Assert.NotNull(why.ExpectedAt);

        (Trying.StepFails, Trying.UndoFails) = (false, false);
        await host.UntilAsync(id, JobState.Cancelled);
    }

    private static Task<WeirInMemory> StartAsync()
    {
        Asked.Begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Asked.Go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return WeirInMemory.StartAsync(
            Store.InMemory(), new ManualClock(), new() { ["Weir:Lanes"] = "1" }, [typeof(Asked), typeof(AskedInOrder), typeof(AskedOfOthers)]);
    }

    private static SubmitRequest Request(AskedRequest job, string type = "asked.why") => new(type, System.Text.Json.JsonSerializer.SerializeToElement(job, System.Text.Json.JsonSerializerOptions.Web));

    private static async Task<string> SubmitAsync(WeirInMemory weir, AskedRequest job, Func<SubmitRequest, SubmitRequest>? with = null, string type = "asked.why")
    {
        var request = Request(job, type);
        return Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(with?.Invoke(request) ?? request, "default", null, CancellationToken.None)).JobId;
    }

    private static async Task<string> BatchAsync(WeirInMemory weir)
    {
        var line = new BatchLine(0, "{}"u8.ToArray(), Request(new()), Refusal: null);
        var answer = await weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", Key: null, Name: null, CompletionType: null, Bytes: 100), new[] { line }.ToAsyncEnumerable(), CancellationToken.None);
        return Assert.IsType<BatchAnswer.Accepted>(answer).Standing.Batch.Id;
    }

    private static async Task<Reason> WhyAsync(WeirInMemory weir, string id)
    {
        var why = await weir.Get<Explanation>().OfAsync(await weir.JobAsync(id), CancellationToken.None);
        Assert.NotNull(why);
        return why;
    }

    public sealed record AskedRequest(int FailTimes = 0, int RetryAfterSeconds = 0, bool Permanent = false, bool Waits = false);

    [Job("asked.why", Retry = "standard")]
    internal sealed class Asked : IJobHandler<AskedRequest>
    {
        public static TaskCompletionSource Begun { get; set; } = new();

        public static TaskCompletionSource Go { get; set; } = new();

        public async Task<object?> RunAsync(AskedRequest job, JobContext context, CancellationToken cancellation)
        {
            if (job.Permanent)
                throw new PermanentException("as it was told to");
            if (context.Attempt <= job.FailTimes)
                throw new TransientException("as it was told to", TimeSpan.FromSeconds(job.RetryAfterSeconds));
            Begun.TrySetResult();
            if (job.Waits)
                await Go.Task;
            return null;
        }
    }

    [Job("asked.strict", Ordering = Ordering.Strict)]
    internal sealed class AskedInOrder : IJobHandler<AskedRequest>
    {
        public Task<object?> RunAsync(AskedRequest job, JobContext context, CancellationToken cancellation) => new Asked().RunAsync(job, context, cancellation);
    }

    [Job("asked.depends", DependsOn = ["why.dependency"])]
    internal sealed class AskedOfOthers : IJobHandler<AskedRequest>
    {
        public Task<object?> RunAsync(AskedRequest job, JobContext context, CancellationToken cancellation) => new Asked().RunAsync(job, context, cancellation);
    }

    [Job("trying.flow", Retry = "standard")]
    internal sealed class Trying : IWorkflow<Nothing>
    {
        public static bool StepFails { get; set; }

        public static bool UndoFails { get; set; }

        public void Define(WorkflowBuilder<Nothing> flow)
        {
            flow.Step("one", _ => Task.CompletedTask).Undo((_, _) => UndoFails ? throw new TransientException("not now", TimeSpan.FromSeconds(20)) : Task.CompletedTask);
            flow.Step("two", _ => StepFails ? throw new TransientException("not now", TimeSpan.FromSeconds(20)) : Task.CompletedTask);
        }
    }
}
