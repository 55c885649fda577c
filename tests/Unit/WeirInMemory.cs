using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.Storage;
using Contract.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Weir;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;
using Broker = AzureLocal.ServiceBus.Broker;

namespace Unit.Tests;

/// <summary>
/// The library over tables and a broker in memory, with a clock that stands still and nothing that runs by itself: a test submits, takes one message at a
/// time through the runner, and settles it as a trigger does. Several of them can share a store: instances of one system.
/// </summary>
internal sealed class WeirInMemory : IAsyncDisposable
{
    private readonly ServiceProvider services;
    private readonly ServiceBusClient client;
    private readonly Store store;

    private WeirInMemory(ServiceProvider services, ServiceBusClient client, Store store, ManualClock clock) =>
        (this.services, this.client, this.store, Clock) = (services, client, store, clock);

    public ManualClock Clock { get; }

    public Store Store => store;

    public JobRunner Runner => services.GetRequiredService<JobRunner>();

    /// <summary>The Service Bus operations so far, by name.</summary>
    public IReadOnlyDictionary<string, long> BusOperations => Broker.Of(store, Clock).Operations.Snapshot();

    public T Get<T>() where T : notnull => services.GetRequiredService<T>();

    /// <summary>A system of its own.</summary>
    public static Task<WeirInMemory> StartAsync(params Type[] handlers) => StartAsync(Store.InMemory(), new ManualClock(), [], handlers);

    /// <summary>Another instance of this one's system.</summary>
    public Task<WeirInMemory> JoinAsync(params Type[] handlers) => StartAsync(store, Clock, [], handlers);

    public static async Task<WeirInMemory> StartAsync(Store store, ManualClock clock, Dictionary<string, string?> settings, Type[] handlers, params object[] beside)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var broker = Broker.Of(store, clock);
        var client = new ServiceBusClient(broker);
        var administration = new ServiceBusAdministrationClient(broker);
        foreach (var queue in Enum.GetValues<Queue>().Select(QueueNames.Of))
        {
            if (!await administration.QueueExistsAsync(queue))
                await administration.CreateQueueAsync(new CreateQueueOptions(queue) { RequiresSession = true, RequiresDuplicateDetection = true, LockDuration = TimeSpan.FromMinutes(5) });
        }

        var collection = new ServiceCollection();
        collection.AddLogging().AddSingleton<IConfiguration>(configuration).AddSingleton<IHostEnvironment>(new Development());
        collection.AddSingleton<TimeProvider>(clock).AddSingleton<Random>(new Random(1));
        collection.AddSingleton(client).AddSingleton(administration).AddSingleton(new TableServiceClient(store, clock));
        var weir = collection.AddWeir(configuration);
        foreach (var one in beside)
        {
            collection.AddSingleton(one.GetType(), one);
            if (one is ISubmissionGate gate)
                collection.AddSingleton(gate);
        }
        foreach (var handler in handlers)
            weir.AddJobs(handler.Assembly, type => type == handler);

        var services = collection.BuildServiceProvider();
        foreach (var setup in services.GetServices<IHostedService>().OfType<StoreSetup>())
            await setup.StartAsync(CancellationToken.None);
        await services.GetRequiredService<Weir.Controls.ControlBoard>().ReadAgainAsync(CancellationToken.None); // as a running instance has done before its first job
        return new WeirInMemory(services, client, store, clock);
    }

    /// <summary>Submits a job and returns its id.</summary>
    public async Task<string> SubmitAsync(string type, object payload, string? key = null)
    {
        var request = new SubmitRequest(type, JsonSerializer.SerializeToElement(payload, JsonSerializerOptions.Web));
        return Assert.IsType<Submitted.Accepted>(await Get<JobSubmission>().SubmitAsync(request, "default", key, CancellationToken.None)).JobId;
    }

    /// <summary>Takes the next message of the default queue that is there now; null when there is none.</summary>
    public async Task<Received?> ReceiveAsync()
    {
        using var impatience = new CancellationTokenSource();
        var accepting = client.AcceptNextSessionAsync(QueueNames.Default, cancellationToken: impatience.Token);
        if (!accepting.IsCompleted)
        {
            await impatience.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
            return null;
        }
        var session = await accepting;
        return new Received(session, await session.ReceiveMessageAsync() ?? throw new InvalidOperationException("A session without a message was handed out."));
    }

    /// <summary>Takes the next message through the runner and settles it; null when there is none.</summary>
    public async Task<Settlement?> RunNextAsync(CancellationToken stopping = default)
    {
        if (await ReceiveAsync() is not { } received)
            return null;
        await using (received)
        {
            var settlement = await Runner.RunAsync(received.Message, Queue.Default, stopping);
            await received.SettleAsync(settlement);
            return settlement;
        }
    }

    /// <summary>Runs whatever is there, and what comes within <paramref name="ahead"/> of virtual time.</summary>
    public async Task RunAllAsync(TimeSpan ahead)
    {
        for (var until = Clock.GetUtcNow() + ahead; Clock.GetUtcNow() < until; Clock.Advance(TimeSpan.FromMilliseconds(100)))
        {
            while (await RunNextAsync() is not null) { }
        }
    }

    /// <summary>Lets time pass until the task has ended, for at most <paramref name="limit"/>.</summary>
    public async Task<T> PassTimeAsync<T>(Task<T> task, TimeSpan limit)
    {
        for (var passed = TimeSpan.Zero; passed < limit && !task.IsCompleted; passed += TimeSpan.FromSeconds(1))
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(20))); // what a timer set off goes on in the thread pool
        }
        Assert.True(task.IsCompleted, $"Not ended within {limit} of virtual time.");
        return await task;
    }

    public async Task<JobRecord> JobAsync(string id) =>
        await Get<ReceiptTable>().ReadAsync(id, CancellationToken.None) ?? throw new InvalidOperationException($"There is no job {id}.");

    public async ValueTask DisposeAsync()
    {
        await client.DisposeAsync();
        await services.DisposeAsync();
    }

    /// <summary>A locked message and the session that holds it.</summary>
    internal sealed class Received(ServiceBusSessionReceiver session, ServiceBusReceivedMessage message) : IAsyncDisposable
    {
        public ServiceBusReceivedMessage Message => message;

        public Task SettleAsync(Settlement settlement) => settlement switch
        {
            Settlement.Complete => session.CompleteMessageAsync(message),
            Settlement.DeadLetter dead => session.DeadLetterMessageAsync(message, dead.Reason, dead.Description),
            _ => Task.CompletedTask,
        };

        public ValueTask DisposeAsync() => session.DisposeAsync();
    }

    private sealed class Development : IHostEnvironment
    {
        public string ApplicationName { get; set; } = "Unit.Tests";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();

        public string ContentRootPath { get; set; } = "";

        public string EnvironmentName { get; set; } = Environments.Development;
    }
}
