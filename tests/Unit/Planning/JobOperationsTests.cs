using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Architecture.Tests;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Capacity.Prices;
using Unit.Tests.Execution;
using Unit.Tests.Workflows;
using Weir;
using Weir.Batches;
using Weir.Catalog;
using Weir.Controls;
using Weir.DeadLetters;
using Weir.Index;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Schedules;
using Weir.Submission;
using Weir.Uniqueness;

namespace Unit.Tests.Planning;

/// <summary>What each kind of job does that Azure bills, counted where it is done: what operations.json and docs/costs.md say of it.</summary>
public sealed partial class JobOperationsTests
{
    private static readonly Dictionary<string, Func<Task<JobOperations>>> Measures = new(StringComparer.Ordinal)
    {
        ["simple"] = () => OneAsync(typeof(Plain), weir => weir.SubmitAsync("counted.plain", new Work())),
        ["atLeastOnce"] = () => OneAsync(typeof(Least), weir => weir.SubmitAsync("counted.least", new Work())),
        ["largePayload"] = () => OneAsync(typeof(Plain), weir => weir.SubmitAsync("counted.plain", new Work(Text: new string('x', 200 * 1024)))),
        ["delayed"] = () => OneAsync(typeof(Plain), weir => SubmitAsync(weir, "counted.plain", request => request with { Timing = new Timing(TimeSpan.FromMinutes(1), null, null) })),
        ["retriedOnce"] = () => OneAsync(typeof(Plain), weir => weir.SubmitAsync("counted.plain", new Work(Fails: 1))),
        ["deadLettered"] = () => OneAsync(typeof(Plain), weir => weir.SubmitAsync("counted.plain", new Work(Dies: true))),
        ["replayed"] = ReplayedAsync,
        ["rateLimited"] = () => ManyAsync(typeof(Limited), 100, weir => weir.SubmitAsync("counted.limited", new Work()), TimeSpan.FromMilliseconds(100)),
        ["strictOrder"] = () => ManyAsync(typeof(Strict), 10, weir => SubmitAsync(weir, "counted.strict", request => request with { OrderingKey = "key" })),
        ["uniqueKey"] = () => OneAsync(typeof(Plain), weir => SubmitAsync(weir, "counted.plain", request => request with { Unique = new UniqueRequest("key", UniqueMode.ReturnExisting, TimeSpan.Zero) })),
        ["batchItem"] = BatchItemAsync,
        ["occurrence"] = OccurrenceAsync,
        ["workflowOf5"] = WorkflowAsync,
    };

    private static readonly string[] Billed = ["Send", "Schedule", "CancelScheduled", "Receive", "Complete", "Abandon", "DeadLetter", "Defer", "RenewMessage", "Peek"];

    /// <summary>Table operations that are no job's.</summary>
    private static readonly ConditionalWeakTable<WeirInMemory, StrongBox<long>> Aside = [];

    public static TheoryData<string> Kinds => [.. BilledOperations.Known.Kinds.Keys];

    /// <summary>Shares of something that is done for many jobs at once may differ by a tenth, whole operations not at all.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_kind_of_job_does_what_is_said_of_it(string kind)
    {
        var (said, done) = (BilledOperations.Known.Kinds[kind], await Measures[kind]());
        Assert.Equal(
            (Math.Round(said.ServiceBus, 1), Math.Round(said.Lanes, 1), Math.Round(said.Tables, 1), Math.Round(said.Executions, 1), said.DurableQueues, said.DurableTables),
            (Math.Round(done.ServiceBus, 1), Math.Round(done.Lanes, 1), Math.Round(done.Tables, 1), Math.Round(done.Executions, 1), done.DurableQueues, done.DurableTables));
    }

    [Fact]
    public async Task The_list_takes_a_transaction_for_each_shard_whatever_the_number_of_jobs()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        await weir.Get<JobIndex>().FlushAsync(CancellationToken.None);
        for (var job = 0; job < 60; job++)
            await weir.SubmitAsync("counted.plain", new Work());
        await EndAllAsync(weir);
        var before = Tables(weir);
        await weir.Get<JobIndex>().FlushAsync(CancellationToken.None);
        Assert.Equal(BilledOperations.Known.ListPerInstanceSecond, Tables(weir) - before);
    }

    [Fact]
    public async Task The_page_says_what_is_measured()
    {
        var page = await File.ReadAllTextAsync(Repository.Full("docs/costs.md"));
        var onPage = Row().Matches(page).Select(row => string.Join(' ', row.Groups.Values.Skip(1).Select(group => group.Value)));
        var known = BilledOperations.Known;
        var inData = known.Kinds.Concat(known.Others).Select(one => string.Create(
            CultureInfo.InvariantCulture, $"{one.Key} {one.Value.ServiceBus} {one.Value.Lanes} {one.Value.Tables} {one.Value.Executions} {one.Value.DurableQueues} {one.Value.DurableTables}"));
        Assert.Equal(inData.Order(StringComparer.Ordinal), onPage.Order(StringComparer.Ordinal));
    }

    /// <summary>A job from its submission to its end, in an instance that has run one of its type before.</summary>
    private static Task<JobOperations> OneAsync(Type handler, Func<WeirInMemory, Task> submit) => ManyAsync(handler, 1, submit);

    /// <param name="step">How time passes: a slot of a rate comes and goes.</param>
    private static async Task<JobOperations> ManyAsync(Type handler, int jobs, Func<WeirInMemory, Task> submit, TimeSpan? step = null)
    {
        await using var weir = await WeirInMemory.StartAsync(handler);
        await submit(weir);
        await EndAllAsync(weir);
        weir.Clock.Advance(TimeSpan.FromMinutes(5));
        return await CountAsync(weir, jobs, requests: jobs, async () =>
        {
            for (var job = 0; job < jobs; job++)
                await submit(weir);
            await EndAllAsync(weir, step);
        });
    }

    private static async Task<JobOperations> ReplayedAsync()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        return await CountAsync(weir, 1, requests: 2, async () =>
        {
            var id = await weir.SubmitAsync("counted.plain", new Work(Dies: true));
            await EndAllAsync(weir);
            var how = new Handling("ada", weir.Clock.GetUtcNow(), "it is mended");
            Assert.IsType<ReplayAnswer.Queued>(await weir.Get<DeadLetterDesk>().ReplayAsync(id, JsonSerializer.SerializeToElement(new Work(), JsonSerializerOptions.Web), how, CancellationToken.None));
            await EndAllAsync(weir);
            await AsideAsync(weir, async () => Assert.Equal(JobState.Succeeded, (await weir.JobAsync(id)).Receipt.State));
        });
    }

    private static async Task<JobOperations> BatchItemAsync()
    {
        const int Items = 100;
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var lines = Enumerable.Range(0, Items).Select(index => new BatchLine(index, "{}"u8.ToArray(), new SubmitRequest("counted.plain", JsonElement.Parse("{}")), Refusal: null));
        return await CountAsync(weir, Items, requests: 0, async () =>
        {
            Assert.IsType<BatchAnswer.Accepted>(await weir.Get<BatchSubmission>().SubmitAsync(new BatchRequest("default", Key: null, Name: null, CompletionType: null, Bytes: Items * 10), lines.ToAsyncEnumerable(), CancellationToken.None));
            await EndAllAsync(weir);
        });
    }

    /// <summary>One of ten that a schedule fires, each at its minute.</summary>
    private static async Task<JobOperations> OccurrenceAsync()
    {
        const int Occurrences = 10;
        await using var weir = await WeirInMemory.StartAsync(typeof(Plain));
        var errors = new List<ContractError>();
        var (definition, submission) = Weir.Api.ScheduleRequest.Read(JsonElement.Parse("""{"type": "counted.plain", "payload": {}, "cron": "* * * * *"}"""), errors)!.Value;
        await weir.Get<ScheduleDesk>().PutAsync("default", "s", definition, submission, Precondition.Nothing, "ada", CancellationToken.None);
        await weir.Get<ScheduleFiring>().FireDueAsync(CancellationToken.None);
        return await CountAsync(weir, Occurrences, requests: 0, async () =>
        {
            for (var minute = 0; minute < Occurrences; minute++)
            {
                weir.Clock.Advance(TimeSpan.FromMinutes(1));
                await weir.Get<ScheduleFiring>().FireDueAsync(CancellationToken.None);
                await AsideAsync(weir, () => weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None));
                while (await weir.RunNextAsync() is not null) { }
            }
        });
    }

    /// <summary>The engine's own storage is counted as the Azure Storage backend is said to work: three for each message, two for each turn.</summary>
    private static async Task<JobOperations> WorkflowAsync()
    {
        await using var weir = await WeirInMemory.StartAsync(typeof(Five));
        await using var host = await WorkflowHost.StartAsync(weir);
        var (turns, activities) = (host.Operations.GetValueOrDefault("Turn"), host.Operations.GetValueOrDefault("Activity"));
        var done = await CountAsync(weir, 1, requests: 1, async () =>
        {
            var id = await weir.SubmitAsync("counted.five", new Work());
            while (await weir.RunNextAsync() is not null) { }
            await host.Client.WaitForInstanceCompletionAsync(id, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        });
        (turns, activities) = (host.Operations["Turn"] - turns, host.Operations["Activity"] - activities);
        return done with { Executions = done.Executions + turns + activities, DurableQueues = 3 + 6 * activities, DurableTables = 2 * turns };
    }

    private static async Task<string> SubmitAsync(WeirInMemory weir, string type, Func<SubmitRequest, SubmitRequest> how)
    {
        var request = how(new SubmitRequest(type, JsonSerializer.SerializeToElement(new Work(), JsonSerializerOptions.Web)));
        return Assert.IsType<Submitted.Accepted>(await weir.Get<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None)).JobId;
    }

    /// <summary>Everything runs to its end, and what died is collected. Meanwhile the controls are read again, as in an app: once in a while for the whole instance, not for a job.</summary>
    private static async Task EndAllAsync(WeirInMemory weir, TimeSpan? each = null)
    {
        var step = each ?? TimeSpan.FromSeconds(1);
        for (var passed = TimeSpan.Zero; passed < TimeSpan.FromSeconds(90); passed += step)
        {
            await AsideAsync(weir, () => weir.Get<ControlBoard>().ReadAgainAsync(CancellationToken.None));
            while (await weir.RunNextAsync() is not null) { }
            weir.Clock.Advance(step);
        }
        await using var receiver = weir.Get<ServiceBusClient>().CreateReceiver(QueueNames.Default, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        var info = await weir.Get<Azure.Messaging.ServiceBus.Administration.ServiceBusAdministrationClient>().GetQueueRuntimePropertiesAsync(QueueNames.Default);
        for (var dead = info.Value.DeadLetterMessageCount; dead > 0; dead--)
        {
            var message = await receiver.ReceiveMessageAsync();
            Assert.True(await weir.Get<DeadLetterCollector>().CollectAsync(message!, Queue.Default, CancellationToken.None));
            await receiver.CompleteMessageAsync(message!);
        }
    }

    /// <param name="requests">HTTP requests that submit or replay: a function runs for each.</param>
    private static async Task<JobOperations> CountAsync(WeirInMemory weir, int jobs, int requests, Func<Task> work)
    {
        var (bus, tables, before) = (weir.BusOperations, Tables(weir), weir.Get<TableServiceClient>().Operations.Snapshot());
        await work();
        var done = weir.BusOperations.ToDictionary(one => one.Key, one => one.Value - bus.GetValueOrDefault(one.Key));
        var messages = Billed.Sum(one => done.GetValueOrDefault(one));
        var calls = weir.Get<TableServiceClient>().Operations.Snapshot().Select(one => $"{one.Key} {one.Value - before.GetValueOrDefault(one.Key)}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{string.Join(", ", done.Where(one => one.Value > 0).Select(one => $"{one.Key} {one.Value}"))}; {string.Join(", ", calls)}");
        double Each(double count) => Math.Round(count / jobs, 1);
        return new JobOperations(Each(messages), Each(done.GetValueOrDefault("AcceptSession")), Each(Tables(weir) - tables), Each(requests + done.GetValueOrDefault("Receive")));
    }

    private static long Tables(WeirInMemory weir) => weir.Get<TableServiceClient>().Operations.Snapshot().Values.Sum() - Aside.GetOrCreateValue(weir).Value;

    /// <summary>Does what no job does.</summary>
    private static async Task AsideAsync(WeirInMemory weir, Func<Task> work)
    {
        var before = Tables(weir);
        await work();
        Aside.GetOrCreateValue(weir).Value += Tables(weir) - before;
    }

    [GeneratedRegex(@"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    public sealed record Work(int Fails = 0, bool Dies = false, string? Text = null);

    [Job("counted.plain", Retry = "quick")]
    public sealed class Plain : IJobHandler<Work>
    {
        public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) =>
            job.Dies ? throw new PermanentException("never") : context.Attempt <= job.Fails ? throw new TransientException("not yet") : Task.FromResult<object?>(null);
    }

    [Job("counted.least", Guarantee = Guarantee.AtLeastOnce)]
    public sealed class Least : IJobHandler<Work>
    {
        public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("counted.limited", Rate = "20/s", Burst = 5)]
    public sealed class Limited : IJobHandler<Work>
    {
        public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("counted.strict", Ordering = Ordering.Strict)]
    public sealed class Strict : IJobHandler<Work>
    {
        public Task<object?> RunAsync(Work job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(null);
    }

    [Job("counted.five")]
    public sealed class Five : IWorkflow<Work>
    {
        public void Define(WorkflowBuilder<Work> flow)
        {
            for (var step = 1; step <= 5; step++)
                flow.Step($"step-{step}", _ => Task.FromResult(1));
        }
    }
}
