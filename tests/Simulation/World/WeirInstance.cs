using System.Diagnostics;
using System.Text;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Azure.Messaging.ServiceBus.Administration;
using AzureLocal.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Simulation.Faults;
using Simulation.Kernel;
using Weir;
using Weir.Completion;
using Weir.Execution;

namespace Simulation.World;

/// <summary>
/// A process of the function app: Weir as it is registered, the functions and their triggers, the host's own pumps. Only Kestrel is left out; a request is
/// handed to its function as Kestrel would hand it.
/// </summary>
internal sealed class WeirInstance
{
    private static readonly PumpOptions AnyPump = new("", 0, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), TimeSpan.FromDays(1));
    private static readonly TimeSpan TimeToStop = TimeSpan.FromSeconds(30);

    private readonly WorldState world;
    private readonly CancellationTokenSource stopping = new();
    private readonly TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<TaskCompletionSource<HttpReply>> outstanding = [];
    private readonly ServiceProvider services;
    private readonly IHostedService[] hosted;
    private readonly Invoker invoker;
    private readonly HttpServer http;
    private readonly ServiceBusClient bus;
    private readonly DurableTriggers durable;
    private readonly Random random;
    private Task pumps = Task.CompletedTask;
    private bool isUp;

    public WeirInstance(WorldState world, string name)
    {
        this.world = world;
        Process = new VirtualProcess(world.Scheduler, name);
        Process.Clock.Skew = world.DrawSkew();
        Network = new Network(Process, world);
        random = new Random(world.Draw(int.MaxValue));
        Broker = new FaultyBroker(world.Broker, Network, world);
        bus = new ServiceBusClient(Broker);
        durable = new DurableTriggers(new DurableOptions("Weir", MaxConcurrentOrchestrators: 4, MaxConcurrentActivities: 8), Process.Clock, new Random(world.Draw(int.MaxValue)), stopping.Token);
        services = Services();
        var loggers = services.GetRequiredService<ILoggerFactory>();
        invoker = new Invoker(services.GetRequiredService<IServiceScopeFactory>(), [HttpAnswer.Middleware], loggers, timeout: null, Process.Clock, random, stopping.Token);
        http = new HttpServer(new HttpOptions("", null, null), invoker, stopping.Token);
        OpenOrchestrations(loggers);
        hosted = [.. services.GetServices<IHostedService>()];
    }

    public VirtualProcess Process { get; }

    public Network Network { get; }

    public FaultyBroker Broker { get; }

    /// <summary>Whether a request can reach it.</summary>
    public bool IsUp => isUp && !Process.IsDead;

    /// <summary>Ends when the process has, in whatever way.</summary>
    public Task Gone => gone.Task;

    /// <summary>Starts everything in the order of the host. A start that fails ends the process.</summary>
    public async Task StartAsync()
    {
        try
        {
            foreach (var service in hosted)
                await service.StartAsync(CancellationToken.None);
            isUp = true;
            await durable.StartAsync(CancellationToken.None);
            pumps = Task.WhenAll(Pumps().Select(pump => pump.RunAsync(stopping.Token)).ToArray());
            world.Note(Process, "is up");
        }
        catch (Exception refused)
        {
            world.Note(Process, $"did not start: {refused.Message}");
            Kill();
        }
    }

    /// <summary>What SIGTERM does: finish or hand back, within the host's time.</summary>
    public async Task StopAsync()
    {
        if (!IsUp)
            return;
        world.Note(Process, "stops");
        isUp = false;
        stopping.Cancel();
        world.Observer.Stopping(Process.Name);
        using var limit = new CancellationTokenSource(TimeToStop, Process.Clock);
        try
        {
            var orchestrations = durable.StopAsync(limit.Token);
            await pumps.WaitAsync(limit.Token);
            await orchestrations;
            // Kestrel, which is left out here, stops before the hosted services do, and answers what it has begun.
            await Task.WhenAll(outstanding.Select(request => request.Task).ToArray()).WaitAsync(limit.Token);
            foreach (var service in hosted.Reverse())
                await service.StopAsync(limit.Token);
        }
        catch (Exception failure) when (failure is OperationCanceledException || StoreAway.Explains(failure))
        {
            world.Note(Process, $"stopped before it had drained: {failure.GetType().Name}");
        }
        world.Note(Process, "has stopped");
        Kill();
    }

    /// <summary>Nothing of it goes on; who waits for its answers learns that the connection is gone.</summary>
    public void Kill()
    {
        if (Process.IsDead)
            return;
        Process.Kill();
        durable.Kill();
        foreach (var request in outstanding)
            request.TrySetException(new IOException("The connection was closed."));
        outstanding.Clear();
        gone.TrySetResult();
    }

    /// <summary>Hands a request to a function. Throws IOException when the process ends before it has answered.</summary>
    public Task<HttpReply> CallAsync(HttpCallOf call)
    {
        if (!IsUp)
            return Task.FromException<HttpReply>(new IOException("Connection refused."));
        var reply = new TaskCompletionSource<HttpReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        outstanding.Add(reply);
        Process.Post(_ => AnswerAsync(call, reply), null);
        return reply.Task;
    }

    private async void AnswerAsync(HttpCallOf call, TaskCompletionSource<HttpReply> reply)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = call.Method;
        context.Request.Path = call.Path;
        context.Request.QueryString = new QueryString(call.Query);
        foreach (var (name, value) in call.RouteValues)
            context.Request.RouteValues[name] = value;
        foreach (var (name, value) in call.Headers)
            context.Request.Headers[name] = value;
        if (call.Body is { } body)
        {
            var bytes = Encoding.UTF8.GetBytes(body);
            (context.Request.Body, context.Request.ContentType, context.Request.ContentLength) = (new MemoryStream(bytes), "application/json", bytes.Length);
        }
        var answer = new MemoryStream();
        context.Response.Body = answer;
        using var activity = new Activity("http").SetParentId(call.TraceParent).Start();

        await http.RunAsync(FunctionApp.Http[call.Function], context);
        await context.Response.Body.FlushAsync();
        outstanding.Remove(reply);
        reply.TrySetResult(new HttpReply(context.Response.StatusCode, Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length)) { RetryAfter = int.TryParse(context.Response.Headers.RetryAfter, out var seconds) ? seconds : null });
    }

    private IEnumerable<IPump> Pumps()
    {
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger("Host");
        foreach (var function in FunctionApp.Messages.Values)
        {
            var trigger = (ServiceBusTriggerAttribute)function.Trigger;
            var runner = new MessageRunner((delivery, lockLost) => invoker.RunAsync(function, delivery, lockLost), autoComplete: false, logger);
            var options = AnyPump with { Entity = trigger.QueueName!, Concurrency = trigger.IsSessionsEnabled ? world.Settings.Sessions : 4 };
            yield return trigger.IsSessionsEnabled
                ? new SessionPump(stop => bus.AcceptNextSessionAsync(trigger.QueueName!, ServiceBusSessionReceiverOptions.OneByOne, stop), runner, options, Process.Clock, random, logger)
                : new MessagePump(bus.CreateReceiver(trigger.QueueName!), runner, options, Process.Clock, random, logger);
        }
        var leases = new TimerStore(world.Store, Process.Name, world.IsAlive);
        foreach (var (name, function) in FunctionApp.Timers)
        {
            var trigger = (TimerTriggerAttribute)function.Trigger;
            var options = new TimerOptions(name, TimerSchedule.Parse(trigger.Schedule)!, trigger.RunOnStartup, UseMonitor: false);
            yield return new TimerPump(options, leases, (info, stop) => invoker.RunAsync(function, TimerTriggers.Call(info), stop), Process.Clock, random, logger);
        }
    }

    private void OpenOrchestrations(ILoggerFactory loggers)
    {
        foreach (var function in FunctionApp.Orchestrators.Values)
            durable.Add(function, (OrchestrationTriggerAttribute)function.Trigger);
        foreach (var function in FunctionApp.Activities.Values)
            durable.Add(function, (ActivityTriggerAttribute)function.Trigger);
        durable.Open(world.Store, invoker, loggers, new EngineOptions { ProcessId = Process.Name, IsProcessAlive = world.IsAlive, DecorateStore = history => new FaultyHistory(history, Network) });
    }

    private ServiceProvider Services()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(world.Settings.ToConfiguration()).Build();
        var collection = new ServiceCollection();
        collection.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new HistoryLogger(world, Process)));
        collection.AddSingleton<IConfiguration>(configuration).AddSingleton<IHostEnvironment>(Development.Environment);
        collection.AddSingleton<TimeProvider>(Process.Clock).AddSingleton(random);
        collection.AddSingleton(bus).AddSingleton(new ServiceBusAdministrationClient(Broker)).AddSingleton(new TableServiceClient(new FaultyTables(world.Tables, Network, world)));
        collection.AddSingleton(_ => durable.Client!);
        collection.AddSingleton(this).AddSingleton(world).AddSingleton<SimulatedWork>();
        collection.AddSingleton(new WebhookNetwork(new HookNetwork(Network, world)));
        var weir = collection.AddWeir(configuration);
        weir.Handlers.AddRange(SimulatedJobs.All);
        collection.Replace(ServiceDescriptor.Singleton(new Instance(Process.Name)));
        return collection.BuildServiceProvider();
    }

    private sealed class Development : IHostEnvironment
    {
        public static Development Environment { get; } = new();

        public string ApplicationName { get; set; } = "Simulation";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();

        public string ContentRootPath { get; set; } = "";

        public string EnvironmentName { get; set; } = Environments.Development;
    }
}

/// <summary>A request, as a client makes it.</summary>
internal sealed record HttpCallOf(string Function, string Method, string Path, string TraceParent)
{
    public string Query { get; init; } = "";

    public string? Body { get; init; }

    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    public IReadOnlyList<(string Name, string Value)> RouteValues { get; init; } = [];
}

internal sealed record HttpReply(int Status, string Body)
{
    /// <summary>In seconds.</summary>
    public int? RetryAfter { get; init; }
}
