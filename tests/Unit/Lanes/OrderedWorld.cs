using System.Globalization;
using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;
using Outcome = AzureLocal.ServiceBus.Outcome;

namespace Unit.Tests.Lanes;

/// <summary>
/// Weir as it is registered, several instances of it over one store in memory, one step at a time in an order drawn from a seed. Instances die between
/// any two steps, locks get lost while their holders go on, time passes at any moment, and an operator replays and discards. Beside it a
/// model as simple as the promise: a job starts when every earlier one of its key has ended.
/// </summary>
internal sealed class OrderedWorld : IDisposable
{
    private const int Keys = 3, JobsOfAKey = 7, Lanes = 2, Instances = 3;
    private const int StepsOfChaos = 4_000, MostSteps = 40_000;

    private readonly Random random;
    private readonly int seed;
    private readonly ManualClock clock = new();
    private readonly Store store = Store.InMemory();
    private readonly Broker broker;
    private readonly Steps steps = new();
    private readonly TableServiceClient tables;
    private readonly ReceiptTable receipts;
    private readonly List<Instance> instances = [];
    private readonly List<Delivery> deliveries = [];
    private readonly List<string>[] submitted = [.. Enumerable.Range(0, Keys).Select(_ => new List<string>())];
    private readonly HashSet<string> discarded = [];
    private readonly List<(string Id, Task Releasing)> releases = [];
    private readonly List<string> history = [];
    private readonly Instance client;
    private int replays;
    private string? broken;

    public OrderedWorld(int seed)
    {
        this.seed = seed;
        random = new Random(seed);
        broker = Broker.Of(store, clock);
        tables = new TableServiceClient(store, clock);
        receipts = new ReceiptTable(tables, new Weir.Index.JobIndex(new Weir.Index.JobIndexTable(tables), clock, Microsoft.Extensions.Logging.Abstractions.NullLogger<Weir.Index.JobIndex>.Instance));
        broker.CreateEntityAsync(new EntitySettings(EntityKind.Queue, QueueNames.Default)
        {
            RequiresSession = true, RequiresDuplicateDetection = true, DuplicateDetectionHistoryTimeWindow = TimeSpan.FromMinutes(5), MaxDeliveryCount = 2_000,
        }, [], CancellationToken.None).GetAwaiter().GetResult();
        foreach (var queue in new[] { QueueNames.Critical, QueueNames.Bulk })
            broker.CreateEntityAsync(new EntitySettings(EntityKind.Queue, queue) { RequiresSession = true }, [], CancellationToken.None).GetAwaiter().GetResult();

        client = new Instance(this, new object(), new ServiceBusClient(broker), tables);
        foreach (var setup in client.Services.GetServices<IHostedService>().OfType<StoreSetup>())
            setup.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        for (var number = 0; number < Instances; number++)
            instances.Add(NewInstance());
    }

    /// <summary>Runs to the end; what breaks a promise throws, with the seed and what happened.</summary>
    public void Run()
    {
        for (var step = 0; step < MostSteps; step++)
        {
            Act(isChaos: step < StepsOfChaos);
            if (step % 50 == 0 && IsOver())
            {
                AssertNobodyIsForgotten();
                return;
            }
        }
        throw Wrong($"Not over after {MostSteps} steps.");
    }

    public void Dispose()
    {
        foreach (var instance in instances.Append(client))
            instance.Services.Dispose();
        store.Dispose();
    }

    private void Act(bool isChaos)
    {
        WaitForThreads();
        var dice = random.Next(1_000);
        if (dice < 20)
            Submit();
        else if (dice < 30)
            Operate();
        else if (isChaos && dice < 36)
            Kill();
        else if (isChaos && dice < 44)
            LoseALock();
        else if (isChaos && dice < 52)
            Pass(TimeSpan.FromSeconds(random.Next(1, 40)));
        else if (dice < 200 || steps.Count == 0)
            Deliver();
        else
            steps.LetOneGo(random);
    }

    /// <summary>Cancelling a token hops over the thread pool; all else goes on on this thread.</summary>
    private void WaitForThreads() => SpinWait.SpinUntil(() => steps.Count > 0 || deliveries.All(one => one.Work.IsCompleted), TimeSpan.FromMilliseconds(2));

    private void Submit()
    {
        var key = random.Next(Keys);
        if (submitted[key].Count == JobsOfAKey)
            return;
        var request = new SubmitRequest("test.ordered", JsonSerializer.SerializeToElement(new OrderedRequest(key, submitted[key].Count), JsonSerializerOptions.Web)) { OrderingKey = $"key {key}" };
        var answer = client.Services.GetRequiredService<JobSubmission>().SubmitAsync(request, "default", null, CancellationToken.None).GetAwaiter().GetResult();
        lock (history)
            submitted[key].Add(((Submitted.Accepted)answer).JobId);
    }

    private void Deliver()
    {
        deliveries.RemoveAll(one => one.Work.IsCompleted);
        var instance = instances[random.Next(Instances)];
        if (deliveries.Count < 8)
        {
            var delivery = new Delivery(instance, broker.Connect());
            delivery.Work = DeliverAsync(delivery);
            if (!delivery.Work.IsCompleted)
            {
                deliveries.Add(delivery);
                return;
            }
        }
        if (steps.Count == 0)
            Pass(TimeSpan.FromMilliseconds(random.Next(1, 3_000)));
    }

    /// <summary>What the host does with a session.</summary>
    private async Task DeliverAsync(Delivery delivery)
    {
        try
        {
            var session = await delivery.Connection.AcceptSessionAsync(QueueNames.Default, null, TimeSpan.Zero, ahead: false, CancellationToken.None);
            while (await delivery.Connection.ReceiveAsync(QueueNames.Default, session, 1, TimeSpan.Zero, false, CancellationToken.None) is [var received])
            {
                var settlement = await delivery.Instance.Runner.RunAsync(new ServiceBusReceivedMessage(received), Queue.Default, delivery.Stopping.Token);
                await steps.TakeAsync(delivery.Instance.Name);
                if (settlement is Weir.Execution.Settlement.HandBack)
                    break;
                await delivery.Connection.SettleAsync(QueueNames.Default, session, received.LockToken, new(Outcome.Complete), CancellationToken.None);
                if (settlement.EndsTurn)
                    break;
            }
            await delivery.Connection.CloseAsync();
        }
        catch (ServiceBusException)
        {
            // No session, or its lock is lost.
        }
    }

    private void Pass(TimeSpan time) => clock.Advance(time);

    private void Kill()
    {
        var index = random.Next(Instances);
        var dead = instances[index];
        Note($"instance {index} is killed");
        steps.Kill(dead.Name);
        foreach (var delivery in deliveries.Where(one => one.Instance == dead))
            delivery.Connection.KillAsync().GetAwaiter().GetResult();
        deliveries.RemoveAll(one => one.Instance == dead);
        instances[index] = NewInstance();
    }

    /// <summary>Another instance can have the session; the one that had it may notice now, or when it settles.</summary>
    private void LoseALock()
    {
        deliveries.RemoveAll(one => one.Work.IsCompleted);
        if (deliveries.Count == 0)
            return;
        var delivery = deliveries[random.Next(deliveries.Count)];
        Note($"instance {instances.IndexOf(delivery.Instance)} loses a lock");
        delivery.Connection.KillAsync().GetAwaiter().GetResult();
        if (random.Next(2) == 0)
            delivery.Stopping.Cancel();
    }

    /// <summary>An operator replays or discards a dead letter, and asks again for a discard that was cut off.</summary>
    private void Operate()
    {
        foreach (var (id, _) in releases.Where(one => !one.Releasing.IsCompletedSuccessfully && random.Next(4) == 0).ToArray())
            Discard(Find(id)!);
        foreach (var receipt in submitted.SelectMany(one => one).Select(Find))
        {
            if (receipt is not { State: JobState.DeadLettered } || discarded.Contains(receipt.Id))
                continue;
            if (random.Next(3) > 0)
                Replay(receipt);
            else
                Discard(receipt);
            return;
        }
    }

    private void Discard(Receipt receipt)
    {
        Note($"job {receipt.Id} is discarded");
        lock (history)
            discarded.Add(receipt.Id);
        releases.RemoveAll(one => one.Id == receipt.Id);
        var instance = instances[random.Next(Instances)];
        releases.Add((receipt.Id, instance.Services.GetRequiredService<OrderedKeys>().ReleaseAfterAsync(receipt, CancellationToken.None)));
    }

    private void Replay(Receipt receipt)
    {
        Note($"job {receipt.Id} is replayed");
        var change = new TableEntity(receipt.Id, ReceiptTable.ReceiptRow) { ["State"] = nameof(JobState.Queued), ["EarlierAttempts"] = receipt.Attempt };
        tables.GetTableClient(ReceiptTable.Name).UpdateEntityAsync(change, receipt.ETag, TableUpdateMode.Merge).GetAwaiter().GetResult();
        var (key, number) = PlaceOf(receipt.Id);
        var message = Find(receipt.Id)!.ToMessage(JsonSerializer.SerializeToUtf8Bytes(new OrderedRequest(key, number), JsonSerializerOptions.Web)) with { PutOffs = 1_000 * ++replays };
        client.Services.GetRequiredService<JobQueues>().SendAsync(Queue.Default, message, CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>The promise, when a handler starts.</summary>
    private void Started(OrderedRequest job, int attempt)
    {
        string[] earlier;
        lock (history)
        {
            history.Add($"{clock.GetUtcNow():mm:ss.fff} key {job.Key}: job {job.Number} starts, attempt {attempt}");
            earlier = [.. submitted[job.Key].Take(job.Number)];
        }
        foreach (var id in earlier)
        {
            var state = Find(id)!.State;
            if (!state.IsFinal() || (state == JobState.DeadLettered && !IsDiscarded(id)))
                broken ??= $"Key {job.Key}: job {job.Number} started while job {PlaceOf(id).Number} was {state}.";
        }
    }

    private bool IsDiscarded(string id)
    {
        lock (history)
            return discarded.Contains(id);
    }

    private bool IsOver()
    {
        if (broken is { } promise)
            throw Wrong(promise);
        if (submitted.Any(one => one.Count < JobsOfAKey) || releases.Any(one => !one.Releasing.IsCompletedSuccessfully))
            return false;
        var queue = broker.FindEntityAsync(QueueNames.Default, CancellationToken.None).GetAwaiter().GetResult()!;
        if (queue.Active > 0 || queue.Scheduled > 0 || steps.Count > 0)
            return false;
        return submitted.SelectMany(one => one).All(id => Find(id)!.State is var state && (state != JobState.DeadLettered || IsDiscarded(id)));
    }

    /// <summary>No message is left. So every job has ended, and no key waits for anybody.</summary>
    private void AssertNobodyIsForgotten()
    {
        foreach (var id in submitted.SelectMany(one => one))
        {
            if (!Find(id)!.State.IsFinal())
                throw Wrong($"Job {PlaceOf(id)} ({id}) is {Find(id)!.State}, and no message will bring it on.");
        }
        foreach (var row in Rows())
        {
            // A discarded dead letter of which a late copy came stands in front again; whoever comes next sees through it.
            if (row.RowKey != KeyHead.RowKey || KeyHead.Of(row) is not { Why: HeadReason.DeadLettered, Parked: 0 } head || Find(head.JobId) is not { ReleasedAttempt: not null })
                throw Wrong($"Row {row.RowKey} of {row.PartitionKey} is left.");
        }
    }

    private List<TableEntity> Rows() => RowsAsync().GetAwaiter().GetResult();

    private async Task<List<TableEntity>> RowsAsync()
    {
        var rows = new List<TableEntity>();
        await foreach (var row in tables.GetTableClient("OrderingKeys").QueryAsync<TableEntity>())
            rows.Add(row);
        return rows;
    }

    private Receipt? Find(string id) => receipts.FindAsync(id, CancellationToken.None).GetAwaiter().GetResult();

    private (int Key, int Number) PlaceOf(string id)
    {
        lock (history)
        {
            for (var key = 0; key < Keys; key++)
            {
                if (submitted[key].IndexOf(id) is >= 0 and var number)
                    return (key, number);
            }
        }
        return (-1, -1);
    }

    private void Note(string what)
    {
        lock (history)
            history.Add(string.Create(CultureInfo.InvariantCulture, $"{clock.GetUtcNow():mm:ss.fff} {what}"));
    }

    private InvalidOperationException Wrong(string what)
    {
        lock (history)
        {
            var rows = Rows().Select(row => $"{row.PartitionKey} {row.RowKey}: {row.GetString("JobId")} {row.GetString("Why")} {row.GetString("After")} {row.GetString("Row")}");
            var jobs = submitted.SelectMany((ids, key) => ids.Select((id, number) => $"key {key} job {number}: {id} {Find(id)!.State} attempt {Find(id)!.Attempt} {(discarded.Contains(id) ? "discarded" : "")}"));
            return new InvalidOperationException($"Seed {seed}: {what}\n{string.Join('\n', jobs)}\n{string.Join('\n', rows)}\n{string.Join('\n', history)}");
        }
    }

    private Instance NewInstance()
    {
        var name = new object();
        return new Instance(this, name, new ServiceBusClient(new SteppedBroker(broker, steps, name)), new TableServiceClient(new SteppedTables(new EmbeddedTables(store, clock), steps, name)));
    }

    /// <summary>A process that runs Weir.</summary>
    private sealed class Instance
    {
        public Instance(OrderedWorld world, object name, ServiceBusClient bus, TableServiceClient tables)
        {
            Name = name;
            var services = new ServiceCollection();
            services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new Notes(world)));
            services.AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = Environments.Development });
            services.AddSingleton<TimeProvider>(world.clock);
            services.AddSingleton(new Random(world.random.Next()));
            services.AddSingleton(bus);
            services.AddSingleton(tables);
            services.AddSingleton(new OrderedScript(world.Started, () => world.steps.TakeAsync(name), world.seed));
            var settings = new Dictionary<string, string?> { ["Weir:Lanes"] = $"{Lanes}", ["Weir:Lease"] = "00:00:05" };
            services.AddWeir(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).AddJob<OrderedJob>();
            Services = services.BuildServiceProvider();
            Runner = Services.GetRequiredService<JobRunner>();
        }

        /// <summary>What its steps are known by.</summary>
        public object Name { get; }

        public ServiceProvider Services { get; }

        public JobRunner Runner { get; }
    }

    /// <summary>What Weir says belongs to what happened.</summary>
    private sealed class Notes(OrderedWorld world) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            world.Note($"  {formatter(state, exception)} {exception?.Message}");

        public void Dispose()
        {
        }
    }

    private sealed class Delivery(Instance instance, IBrokerConnection connection)
    {
        public Instance Instance => instance;

        public IBrokerConnection Connection => connection;

        public CancellationTokenSource Stopping { get; } = new();

        public Task Work { get; set; } = Task.CompletedTask;
    }
}
