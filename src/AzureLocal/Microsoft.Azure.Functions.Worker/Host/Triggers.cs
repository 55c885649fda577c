using AzureLocal.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>
/// Everything that can run a function, from its discovery to the drain. Started after the app's own services and Kestrel, so that
/// no message comes before the app is whole; told to stop before any of them, and waited for.
/// </summary>
internal sealed partial class Triggers : IHostedLifecycleService, IAsyncDisposable
{
    private readonly HostJson hostJson;
    private readonly HostSetup setup;
    private readonly IConfiguration configuration;
    private readonly HttpRoutes routes;
    private readonly ServiceBusTriggers serviceBus;
    private readonly TimerTriggers timers;
    private readonly DurableTriggers durable;
    private readonly List<Function> functions = [];
    private readonly CancellationTokenSource stopping = new();
    private Invoker invoker = null!;
    private ILoggerFactory loggers = null!;
    private Func<string> address = null!;
    private Store? store;
    private Task running = Task.CompletedTask;
    private int disabled;

    public Triggers(HostJson hostJson, HostSetup setup, IConfiguration configuration)
    {
        (this.hostJson, this.setup, this.configuration) = (hostJson, setup, configuration);
        routes = new HttpRoutes(hostJson.Http.RoutePrefix);
        serviceBus = new ServiceBusTriggers(hostJson.ServiceBus, configuration, setup.BaseDirectory, setup.Clock, setup.Random);
        timers = new TimerTriggers(configuration, setup.Clock, setup.Random);
        durable = new DurableTriggers(hostJson.Durable, setup.Clock, new Random(setup.Random.Next()), stopping.Token);
    }

    /// <summary>Whether a function returns MVC's results, whose writers are services.</summary>
    public bool NeedMvc { get; private set; }

    /// <summary>Reads what a function asks for, and refuses it by name if it cannot be had.</summary>
    public void Add(FoundFunction found, bool servesHttp)
    {
        switch (found.Trigger)
        {
            case HttpTriggerAttribute http:
                if (!servesHttp)
                    throw found.Refuse("an HTTP trigger needs builder.ConfigureFunctionsWebApplication() in Program.cs.");
                var pattern = routes.Parse(found, http, configuration);
                AddIfEnabled(found, parameter => HttpCall.Bind(found, pattern, parameter), function => routes.Add(function, pattern));
                Type result = found.Method.ReturnType;
                NeedMvc |= result.GenericTypeArguments.Append(result).Any(typeof(IActionResult).IsAssignableFrom);
                break;
            case ServiceBusTriggerAttribute message:
                AddIfEnabled(found, ServiceBusTriggers.Bind(found, message), function => serviceBus.Add(found, function, message));
                break;
            case TimerTriggerAttribute timer:
                AddIfEnabled(found, parameter => TimerTriggers.Bind(found, parameter), function => timers.Add(found, function, timer));
                break;
            case OrchestrationTriggerAttribute orchestration:
                AddIfEnabled(found, parameter => DurableTriggers.BindContext(found, parameter), function => durable.Add(function, orchestration));
                break;
            case ActivityTriggerAttribute activity:
                AddIfEnabled(found, parameter => DurableTriggers.BindInput(found, parameter), function => durable.Add(function, activity));
                break;
            default:
                throw found.Refuse($"{found.Trigger.GetType().Name} is not supported in the local build.");
        }
    }

    /// <summary>Joins the functions to the services that now exist, and to Kestrel.</summary>
    public void Prepare(WebApplication web, IReadOnlyList<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware)
    {
        loggers = web.Services.GetRequiredService<ILoggerFactory>();
        invoker = new Invoker(
            web.Services.GetRequiredService<IServiceScopeFactory>(),
            middleware,
            loggers,
            hostJson.FunctionTimeout,
            setup.Clock,
            setup.Random,
            stopping.Token);
        var services = web.Services.GetRequiredService<IServiceProviderIsService>();
        foreach (var function in functions)
            function.CheckDependencies(services);

        var server = new HttpServer(hostJson.Http, invoker, stopping.Token);
        web.Use(server.ThrottleAsync);
        ((IEndpointRouteBuilder)web).DataSources.Add(routes.ToDataSource(server.RunAsync));
        address = () => $"http://localhost:{FunctionsHost.PortOf(web)}";
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await serviceBus.CreateEntitiesAsync(cancellationToken);
        if (timers.Count > 0 || durable.IsUsed)
            store = Store.Open(setup.DataDirectory);
        if (durable.IsUsed)
            durable.Open(store!, invoker, loggers);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        var logger = loggers.CreateLogger("Host");
        Log.Listening(logger, address(), setup.DataDirectory);
        Log.Functions(logger, Counts());
        if (store is { IsWholeChecked: false })
            Log.NotWholeChecked(logger, setup.DataDirectory);
        if (store?.Damaged is { } damaged)
            _ = TellOfDamageAsync(damaged, logger);
        await durable.StartAsync(cancellationToken);
        var pumps = serviceBus.Pumps(invoker, loggers).Concat(timers.Count > 0 ? timers.Pumps(store!, invoker, loggers) : []);
        running = Task.WhenAll(pumps.Select(pump => pump.RunAsync(stopping.Token)).ToArray());
    }

    /// <summary>Nothing new is begun from here on, and the tokens of what runs fire.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        Log.Stopping(loggers.CreateLogger("Host"));
        stopping.Cancel();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        stopping.Cancel();
        var durableStopped = durable.StopAsync(cancellationToken); // when the time is over it hands back what it runs, and ends
        try
        {
            await running.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Log.NotDrained(loggers.CreateLogger("Host"));
        }
        await durableStopped;
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        stopping.Cancel();
        await serviceBus.DisposeAsync();
        await durable.DisposeAsync();
        store?.Dispose();
        store = null;
    }

    private void AddIfEnabled(FoundFunction found, Func<System.Reflection.ParameterInfo, Binder?> bind, Action<Function> add)
    {
        if (configuration.IsDisabled(found.Name))
        {
            disabled++;
            return;
        }
        var function = new Function(found, bind, parameter => BindAnywhere(found, parameter));
        add(function);
        functions.Add(function);
    }

    private Binder? BindAnywhere(FoundFunction found, System.Reflection.ParameterInfo parameter) =>
        parameter.ParameterType == typeof(FunctionContext) ? static invocation => invocation
        : parameter.ParameterType == typeof(CancellationToken) ? static invocation => invocation.CancellationToken
        : durable.BindClient(found, parameter);

    private async Task TellOfDamageAsync(Task<StoreException> damaged, ILogger logger) =>
        Log.Damaged(logger, (await damaged).Message, setup.DataDirectory);

    private string Counts()
    {
        (int Count, string Kind)[] counts =
        [
            (routes.Count, "HTTP"), (serviceBus.Count, "Service Bus"), (timers.Count, "timer"),
            (durable.Orchestrators, "orchestrator"), (durable.Activities, "activity"), (disabled, "disabled"),
        ];
        return string.Join(", ", counts.Where(kind => kind.Count > 0).Select(kind => $"{kind.Count} {kind.Kind}"));
    }

    private static partial class Log
    {
        [LoggerMessage(40, LogLevel.Information, "Listening on {Address}, data in {Directory}")]
        public static partial void Listening(ILogger logger, string address, string directory);

        [LoggerMessage(41, LogLevel.Information, "Functions: {Counts}")]
        public static partial void Functions(ILogger logger, string counts);

        [LoggerMessage(43, LogLevel.Information, "Stopping when what runs has ended; Ctrl+C once more ends the process now.")]
        public static partial void Stopping(ILogger logger);

        [LoggerMessage(900, LogLevel.Critical, "{Damage}. Jobs are neither accepted nor run by this process any more. Stop every process that uses {Directory}, then mend it as docs/operations/data-directory.md says.")]
        public static partial void Damaged(ILogger logger, string damage, string directory);

        [LoggerMessage(901, LogLevel.Warning, "The data file in {Directory} is too large to be checked whole at the start; damage in the rest of it shows only where it is used.")]
        public static partial void NotWholeChecked(ILogger logger, string directory);

        [LoggerMessage(42, LogLevel.Warning, "Functions still ran when the time to stop was over: what they hold is free once this process ends.")]
        public static partial void NotDrained(ILogger logger);
    }
}
