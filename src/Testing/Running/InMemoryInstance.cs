using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Weir.Controls;
using Weir.Execution;
using Weir.Testing.Faults;
using Weir.Testing.Time;
using Weir.Workflows;

namespace Weir.Testing.Running;

/// <summary>An instance of the app: Weir and the jobs as they are registered, and what brings it its messages, orchestrations and schedules.</summary>
internal sealed class InMemoryInstance
{
    /// <summary>Nobody waits in vain for so long: what there is to take wakes who waits.</summary>
    private static readonly TimeSpan LongWait = TimeSpan.FromDays(30);

    private readonly World world;
    private readonly CancellationTokenSource stopping = new();
    private readonly FaultyBroker broker;
    private readonly ServiceBusClient bus;
    private readonly ServiceProvider services;
    private MessagePumps? messages;
    private WorkflowEngine? workflows;
    private Caretaker? caretaker;

    public InMemoryInstance(World world, Place place)
    {
        (this.world, Place) = (world, place);
        broker = new FaultyBroker(world.Broker, place, world.Outside, world.Bus);
        bus = new ServiceBusClient(broker, new ServiceBusClientOptions { RetryOptions = new ServiceBusRetryOptions { TryTimeout = LongWait } });
        services = Services();
    }

    public Place Place { get; }

    /// <summary>Whether a handler or a step is at work.</summary>
    public bool IsBusy => messages is { Running: > 0 } || workflows is { Running: > 0 };

    public T Get<T>() where T : notnull => services.GetRequiredService<T>();

    public IServiceProvider Provider => services;

    /// <param name="serves">Whether it takes jobs; otherwise it is only there for what calls it.</param>
    public async Task StartAsync(bool serves)
    {
        services.GetService<IStartupValidator>()?.Validate();
        // Of Weir's own only this one: the others poll for what other instances do, and there are none. The test's own are all started.
        foreach (var hosted in services.GetServices<IHostedService>().Where(one => one is StoreSetup || one.GetType().Assembly != typeof(WeirBuilder).Assembly))
            await hosted.StartAsync(stopping.Token);
        await Get<ControlBoard>().ReadAgainAsync(stopping.Token);
        if (!serves)
            return;
        workflows = new WorkflowEngine(world, Place, Get<WorkflowActivities>());
        Get<Orchestrations>().Use(await workflows.StartAsync());
        messages = new MessagePumps(world.Options.Sessions, bus, services, Place, stopping.Token);
        messages.Start();
        caretaker = new Caretaker(world, services, stopping.Token);
        caretaker.Start();
    }

    /// <summary>What is cut off by trouble is looked after for a while.</summary>
    public void LookAfter() => caretaker?.Wake();

    /// <summary>Its place is dead already: the engine must not write either.</summary>
    public void Kill() => workflows?.Kill();

    /// <summary>After its death: what it had locked is free.</summary>
    public Task BreakAsync() => broker.BreakAsync();

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        workflows?.Kill();
        await services.DisposeAsync();
    }

    private ServiceProvider Services()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(world.Options.Settings).Build();
        var collection = new ServiceCollection();
        collection.AddLogging().AddSingleton<IConfiguration>(configuration).AddSingleton<IHostEnvironment>(new TestEnvironment());
        collection.AddSingleton(Place.Clock).AddSingleton(new Random(world.Options.Seed + world.Deaths));
        collection.AddSingleton(bus).AddSingleton(new ServiceBusAdministrationClient(broker)).AddSingleton(new TableServiceClient(new FaultyTables(world.RawTables, Place, world.Tables)));
        var weir = collection.AddWeir(configuration);
        world.Configure(weir);
        collection.Replace(ServiceDescriptor.Singleton(new Instance(Place.Name)));
        var provider = collection.BuildServiceProvider();
        provider.GetRequiredService<KillPoints>().Die = () =>
        {
            world.Kill(Place);
            throw new OperationCanceledException("The instance was killed (as the test wants it).");
        };
        return provider;
    }

    private sealed class TestEnvironment : IHostEnvironment
    {
        public string ApplicationName { get; set; } = "Weir.Testing";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();

        public string ContentRootPath { get; set; } = "";

        public string EnvironmentName { get; set; } = Environments.Development;
    }
}
