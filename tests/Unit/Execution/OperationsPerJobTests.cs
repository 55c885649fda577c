using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Unit.Tests.Workflows;
using Weir;
using Weir.Batches;
using Weir.DeadLetters;
using Weir.Lanes;
using Weir.Submission;
using static Unit.Tests.Execution.TestJobs;

namespace Unit.Tests.Execution;

/// <summary>The table of docs/costs.md: each of its figures is counted here, where the operations are done.</summary>
public sealed class OperationsPerJobTests
{
    private const int Items = 100;

    [Fact]
    public async Task A_simple_job_costs_what_the_page_says() => await HoldsAsync("simple", async weir =>
    {
        await weir.SubmitAsync("cost.plain", new Nothing());
        await weir.RunNextAsync();
        return 1;
    });

    [Fact]
    public async Task A_job_that_is_retried_once_costs_what_the_page_says() => await HoldsAsync("retried once", async weir =>
    {
        await weir.SubmitAsync("cost.failing", new Failures(1, Permanent: false));
        await weir.RunNextAsync();
        weir.Clock.Advance(TimeSpan.FromSeconds(1)); // soon enough that the controls need not be read again, which is an instance's operation
        await weir.RunNextAsync();
        return 1;
    });

    [Fact]
    public async Task A_job_that_fails_for_good_costs_what_the_page_says() => await HoldsAsync("dead-lettered", async weir =>
    {
        await weir.SubmitAsync("cost.failing", new Failures(1, Permanent: true));
        await weir.RunNextAsync();
        await using var dead = weir.Get<ServiceBusClient>().CreateReceiver(QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        var message = await dead.ReceiveMessageAsync();
        Assert.True(await weir.Get<DeadLetterCollector>().CollectAsync(message!, Queue.Default, CancellationToken.None));
        await dead.CompleteMessageAsync(message!);
        return 1;
    });

    [Fact]
    public async Task A_scheduled_job_costs_what_the_page_says() => await HoldsAsync("scheduled", async weir =>
    {
        var request = new SubmitRequest("cost.plain", JsonSerializer.SerializeToElement(new Nothing())) { Timing = Timing.None with { Delay = TimeSpan.FromSeconds(1) } };
        Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None));
        weir.Clock.Advance(TimeSpan.FromSeconds(1.5));
        await weir.RunNextAsync();
        return 1;
    });

    [Fact]
    public async Task An_item_of_a_batch_costs_what_the_page_says() => await HoldsAsync("batch item", async weir =>
    {
        var lines = Enumerable.Range(0, Items).Select(index => new BatchLine(index, "{}"u8.ToArray(), new SubmitRequest("cost.plain", JsonElement.Parse("{}")), Refusal: null));
        var answer = await weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", Key: null, Name: null, CompletionType: null, Bytes: Items * 2), lines.ToAsyncEnumerable(), CancellationToken.None);
        Assert.IsType<BatchAnswer.Accepted>(answer);
        while (await weir.RunNextAsync() is not null) { }
        return Items;
    });

    [Fact]
    public async Task A_workflow_of_five_steps_costs_what_the_page_says()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Five));
        await using var host = await WorkflowHost.StartAsync(weir);
        var before = Counted(weir);
        var id = await weir.SubmitAsync("cost.five", new Nothing());
        await weir.RunNextAsync();
        var looks = 0;
        for (; (await weir.JobAsync(id)).Receipt.State != JobState.Succeeded; looks++)
        {
            Assert.True(looks < 2_000, "The workflow does not end.");
            await Task.Delay(5);
            weir.Clock.Advance(TimeSpan.FromMilliseconds(10));
        }
        await Task.Delay(50);
        var after = Counted(weir);
        Compare("workflow of 5 steps", (after.Bus - before.Bus, after.Tables - before.Tables - looks - 1));
    }

    private static async Task HoldsAsync(string kind, Func<WeirInMemory, Task<int>> jobs)
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain), typeof(Failing));
        var before = Counted(weir);
        var count = await jobs(weir);
        var after = Counted(weir);
        Compare(kind, ((after.Bus - before.Bus) / (double)count, (after.Tables - before.Tables) / (double)count));
    }

    /// <summary>Taking a session and giving it back are once for all the jobs that a lane has then, and a look that finds nothing is nobody's.</summary>
    private static (long Bus, long Tables) Counted(WeirInMemory weir) => (
        weir.BusOperations.Where(one => !one.Key.Contains("Session", StringComparison.Ordinal) && !one.Key.Contains("Empty", StringComparison.Ordinal)).Sum(one => one.Value),
        weir.Get<TableServiceClient>().Operations.Snapshot().Values.Sum());

    private static void Compare(string kind, (double Bus, double Tables) counted)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"| {kind} | {counted.Bus:0.#} | {counted.Tables:0.#} |");
        var page = File.ReadAllLines(Path.Combine(Root(), "docs", "costs.md"));
        Assert.True(page.Any(row => row.StartsWith(line, StringComparison.Ordinal)), $"docs/costs.md has no line that begins with: {line}");
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));

    internal sealed record Failures(int Times, bool Permanent);

    [Job("cost.plain")]
    internal sealed class Plain : IJobHandler<Nothing>
    {
        public Task<object?> RunAsync(Nothing job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("cost.failing", Retry = "quick")]
    internal sealed class Failing : IJobHandler<Failures>
    {
        public Task<object?> RunAsync(Failures job, JobContext context, CancellationToken cancellation) =>
            context.Attempt > job.Times ? Task.FromResult<object?>(null)
            : job.Permanent ? throw new PermanentException("no further attempt can succeed")
            : throw new TransientException("not yet");
    }

    [Job("cost.five", Retry = "quick")]
    internal sealed class Five : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow)
        {
            for (var number = 1; number <= 5; number++)
                flow.Step($"step-{number}", _ => Task.FromResult(1));
        }
    }
}
