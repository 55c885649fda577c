using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Unit.Tests.Lanes;
using Weir;
using Weir.Batches;
using Weir.Lanes;
using Weir.Receipts;
using static Weir.Batches.Batch;

namespace Unit.Tests.Batches;

/// <summary>
/// Several instances that count the ends of one batch's items over one store, one step at a time in an order drawn from a seed; they die between any two steps. Each end is told as a
/// message is delivered: again until somebody has settled it, and now and then once more after that. Failed items are replayed once.
/// </summary>
internal sealed class CountingWorld : IDisposable
{
    private const int Items = 40, Shards = 4, Instances = 3, MostSteps = 60_000, StepsOfChaos = 6_000;

    private readonly Random random;
    private readonly int seed;
    private readonly ManualClock clock = new();
    private readonly Store store = Store.InMemory();
    private readonly Broker broker;
    private readonly Steps steps = new();
    private readonly List<Instance> instances = [];
    private readonly List<Told> untold = [];
    private readonly List<Told> settled = [];
    private readonly List<(Told What, Instance By, Task Work)> telling = [];
    private readonly Instance observer;
    private readonly BatchTable table;

    public CountingWorld(int seed)
    {
        (this.seed, random) = (seed, new Random(seed));
        broker = Broker.Of(store, clock);
        foreach (var queue in Enum.GetValues<Queue>())
            broker.CreateEntityAsync(new EntitySettings(EntityKind.Queue, QueueNames.Of(queue)) { RequiresSession = true, RequiresDuplicateDetection = true }, [], CancellationToken.None).GetAwaiter().GetResult();
        observer = new Instance(this, new ServiceBusClient(broker), new TableServiceClient(store, clock));
        foreach (var setup in observer.Services.GetServices<IHostedService>().OfType<StoreSetup>())
            setup.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        table = observer.Services.GetRequiredService<BatchTable>();
        table.AddAsync(new TableEntity(Id, Row) { [Column.Tenant] = "default", [Column.CreatedAt] = clock.GetUtcNow(), [Column.Shards] = Shards, [Column.CompletionType] = "batch.over" }, CancellationToken.None)
            .GetAwaiter().GetResult();
        for (var number = 0; number < Instances; number++)
            instances.Add(NewInstance());
        untold.Add(new Accept());
        for (var index = 0; index < Items; index++)
            untold.Add(random.Next(4) == 0 ? new End(index, 0, JobState.DeadLettered) : new End(index, 0, random.Next(8) == 0 ? JobState.Cancelled : JobState.Succeeded));
    }

    private static string Id => "3f0c9a52-7c1f-8d0e-9b1a-52f3a5c1e2d4";

    /// <summary>Runs until every end is settled, then compares.</summary>
    public void Run()
    {
        for (var step = 0; step < MostSteps; step++)
        {
            if (untold.Count == 0 && telling.Count == 0)
            {
                Check();
                return;
            }
            Act(isChaos: step < StepsOfChaos);
        }
        throw new InvalidOperationException($"Seed {seed}: not over after {MostSteps} steps.");
    }

    public void Dispose()
    {
        foreach (var instance in instances.Append(observer))
            instance.Services.Dispose();
        store.Dispose();
    }

    private void Act(bool isChaos)
    {
        SpinWait.SpinUntil(() => steps.Count > 0 || telling.All(one => one.Work.IsCompleted), TimeSpan.FromMilliseconds(2));
        Settle();
        var dice = random.Next(1_000);
        if (isChaos && dice < 30)
            Kill();
        else if (isChaos && dice < 42 && settled.Count > 0)
            Tell(settled[random.Next(settled.Count)], isAgain: true);
        else if ((dice < 250 || steps.Count == 0) && untold.Count > 0)
            Tell(Take(), isAgain: false);
        else if (steps.Count > 0)
            steps.LetOneGo(random);
        else
            clock.Advance(TimeSpan.FromMilliseconds(5)); // somebody waits before the next try
    }

    private Told Take()
    {
        var index = random.Next(untold.Count);
        var told = untold[index];
        untold.RemoveAt(index);
        return told;
    }

    private void Tell(Told what, bool isAgain)
    {
        var by = instances[random.Next(instances.Count)];
        telling.Add((isAgain ? what with { IsCopy = true } : what, by, what.TellAsync(by.Services)));
    }

    private void Settle()
    {
        foreach (var one in telling.Where(one => one.Work.IsCompleted).ToArray())
        {
            telling.Remove(one);
            if (one.What.IsCopy)
                continue;
            if (!one.Work.IsCompletedSuccessfully)
            {
                untold.Add(one.What); // the message comes back
                continue;
            }
            settled.Add(one.What);
            // Before a replayed run can end, its begin has been told.
            if (one.What is End { Run: 0, State: JobState.DeadLettered } dead && random.Next(2) == 0)
                untold.Add(new Begin(dead.Index));
            else if (one.What is Begin begin)
                untold.Add(new End(begin.Index, 1, random.Next(3) == 0 ? JobState.DeadLettered : JobState.Succeeded));
        }
    }

    private void Kill()
    {
        var index = random.Next(instances.Count);
        var dead = instances[index];
        steps.Kill(dead.Name);
        foreach (var one in telling.Where(one => one.By == dead).ToArray())
        {
            telling.Remove(one);
            if (!one.What.IsCopy)
                untold.Add(one.What);
        }
        instances[index] = NewInstance();
    }

    private void Check()
    {
        var standing = table.ReadAsync(Id, CancellationToken.None).GetAwaiter().GetResult()!;
        var last = settled.OfType<End>().GroupBy(end => end.Index).Select(ends => ends.MaxBy(end => end.Run)!).ToArray();
        foreach (var state in new[] { JobState.Succeeded, JobState.DeadLettered, JobState.Cancelled })
            Assert.True(last.Count(end => end.State == state) == standing.Of(ItemStates.Of(state)), $"Seed {seed}: {standing.Of(ItemStates.Of(state))} are counted as {state}.");
        Assert.True(standing is { IsComplete: true, Batch.IsDone: true, Pending: 0 }, $"Seed {seed}: the batch is not done.");

        var job = observer.Services.GetRequiredService<ReceiptTable>().FindAsync(standing.Batch.CompletionJob ?? "", CancellationToken.None).GetAwaiter().GetResult();
        Assert.True(job is not null, $"Seed {seed}: there is no completion job.");
        Assert.Equal(Weir.Submission.Payload.Of(System.Text.Json.JsonElement.Parse(standing.Batch.Summary!)).Hash, job.PayloadHash);
        var waiting = broker.Operations.Snapshot();
        Assert.True(waiting.GetValueOrDefault("Send") >= 1, $"Seed {seed}: the completion job was not sent.");
    }

    private Instance NewInstance()
    {
        var name = new object();
        return new Instance(this, new ServiceBusClient(new SteppedBroker(broker, steps, name)), new TableServiceClient(new SteppedTables(new EmbeddedTables(store, clock), steps, name))) { Name = name };
    }

    private abstract record Told
    {
        /// <summary>A second delivery of what is settled: nobody waits for it.</summary>
        public bool IsCopy { get; init; }

        public abstract Task TellAsync(IServiceProvider instance);
    }

    private sealed record End(int Index, int Run, JobState State) : Told
    {
        public override Task TellAsync(IServiceProvider instance) => instance.GetRequiredService<BatchCounter>().CountAsync(new BatchItem(Id, Index), Run, State, CancellationToken.None);
    }

    private sealed record Begin(int Index) : Told
    {
        public override Task TellAsync(IServiceProvider instance) => instance.GetRequiredService<BatchCounter>().BeginAgainAsync(new BatchItem(Id, Index), 1, CancellationToken.None);
    }

    /// <summary>What the submission does last.</summary>
    private sealed record Accept : Told
    {
        public override async Task TellAsync(IServiceProvider instance)
        {
            var expected = new int[Shards];
            for (var index = 0; index < Items; index++)
                expected[BatchItem.ShardOf(new BatchItem(Id, index).JobIdIn("default"), Shards)]++;
            await instance.GetRequiredService<BatchTable>().ChangeAsync(Id, batch => batch.AcceptedAt is not null ? null : new()
            {
                [Column.AcceptedAt] = batch.CreatedAt, [Column.Total] = Items, [Column.Expected] = string.Join(',', expected),
            }, CancellationToken.None);
            await instance.GetRequiredService<BatchCompletion>().FinishIfCompleteAsync(Id, CancellationToken.None);
        }
    }

    /// <summary>A process that runs Weir.</summary>
    private sealed class Instance
    {
        public Instance(CountingWorld world, ServiceBusClient bus, TableServiceClient tables)
        {
            var configuration = new ConfigurationBuilder().Build();
            var collection = new ServiceCollection();
            collection.AddLogging().AddSingleton<IConfiguration>(configuration).AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = Environments.Development });
            collection.AddSingleton<TimeProvider>(world.clock).AddSingleton<Random>(new Random(world.seed));
            collection.AddSingleton(bus).AddSingleton(tables);
            collection.AddWeir(configuration).AddJob<BatchOver>();
            Services = collection.BuildServiceProvider();
        }

        public object Name { get; init; } = new();

        public ServiceProvider Services { get; }
    }
}

[Job("batch.over")]
internal sealed class BatchOver : IJobHandler<BatchSummary>
{
    public Task<object?> RunAsync(BatchSummary job, JobContext context, CancellationToken cancellation) => Task.FromResult<object?>(new { job.Total });
}
