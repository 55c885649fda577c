using System.Reflection;
using AzureLocal.Storage;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Converters;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>Orchestrators, activities, and the client that starts them. The engine runs only in an app that has one of these.</summary>
internal sealed class DurableTriggers(DurableOptions options, TimeProvider clock, Random random, CancellationToken stopping)
{
    private readonly List<(Function Function, string Name)> orchestrators = [];
    private readonly List<(Function Function, string Name)> activities = [];
    private readonly CancellationTokenSource allInterrupted = new();
    private OrchestrationEngine? engine;
    private DurableTaskClient? client;
    private bool needsClient;
    private int running;
    private int interrupted;

    public int Orchestrators => orchestrators.Count;

    public int Activities => activities.Count;

    public DurableTaskClient? Client => client;

    public bool IsUsed => needsClient || orchestrators.Count + activities.Count > 0;

    public void Add(Function function, OrchestrationTriggerAttribute trigger) =>
        orchestrators.Add((function, trigger.Orchestration ?? function.Name));

    public void Add(Function function, ActivityTriggerAttribute trigger) =>
        activities.Add((function, trigger.Activity ?? function.Name));

    /// <summary>Binds a <c>[DurableClient]</c> of any function.</summary>
    public Binder? BindClient(FoundFunction function, ParameterInfo parameter)
    {
        if (parameter.GetCustomAttribute<DurableClientAttribute>() is not { } attribute)
            return null;
        if (parameter.ParameterType != typeof(DurableTaskClient))
            throw function.Refuse($"a DurableClient cannot be bound to a {parameter.ParameterType.Name}, only to a DurableTaskClient.");
        if (attribute.TaskHub is not null || attribute.ConnectionName is not null)
            throw function.Refuse("a DurableClient of another task hub or connection is not supported here.");
        needsClient = true;
        return _ => client;
    }

    public static Binder? BindContext(FoundFunction function, ParameterInfo parameter) =>
        parameter == function.Parameter && parameter.ParameterType == typeof(TaskOrchestrationContext)
            ? static invocation => ((OrchestrationEpisode)invocation.Trigger).Context
            : null;

    public static Binder? BindInput(FoundFunction function, ParameterInfo parameter)
    {
        if (parameter != function.Parameter)
            return null;
        var type = parameter.ParameterType;
        var nothing = type.IsValueType ? Activator.CreateInstance(type) : null;
        return invocation => ((ActivityCall)invocation.Trigger).Input(type) ?? nothing;
    }

    /// <summary>Opens the engine, so that its client can be used; nothing runs before <see cref="StartAsync"/>.</summary>
    /// <param name="store">Where orchestrations are kept.</param>
    /// <param name="invoker">Runs the functions.</param>
    /// <param name="loggers">For the engine's lines.</param>
    /// <param name="defaults">What host.json does not say.</param>
    public void Open(Store store, Invoker invoker, ILoggerFactory loggers, EngineOptions? defaults = null)
    {
        defaults ??= new EngineOptions();
        engine = new OrchestrationEngine(store, options.HubName, clock, random, loggers, defaults with
        {
            MaxConcurrentOrchestrators = options.MaxConcurrentOrchestrators ?? defaults.MaxConcurrentOrchestrators,
            MaxConcurrentActivities = options.MaxConcurrentActivities ?? defaults.MaxConcurrentActivities,
            DefaultVersion = options.DefaultVersion,
            VersionMatchStrategy = options.VersionMatch ?? defaults.VersionMatchStrategy,
            VersionFailureStrategy = options.VersionFailure ?? defaults.VersionFailureStrategy,
        });
        foreach (var (function, name) in orchestrators)
            engine.AddOrchestrator(name, context => invoker.RunEpisodeAsync(function, new OrchestrationEpisode(context)));
        foreach (var (function, name) in activities)
            engine.AddActivity(name, (context, input, lost) => RunActivityAsync(invoker, function, new ActivityCall(context, input), lost));
        client = engine.CreateClient();
    }

    public Task StartAsync(CancellationToken cancellation) => engine?.StartAsync(cancellation) ?? Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellation)
    {
        if (engine is null)
            return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, allInterrupted.Token);
        await engine.StopAsync(either.Token);
    }

    /// <summary>As if the process had died.</summary>
    public void Kill() => engine?.Kill();

    public ValueTask DisposeAsync() => engine?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>
    /// An activity that gives up because the host stops has not failed: it must run again elsewhere. The engine hands back what
    /// still runs when its time to stop is over, so such an activity does not end before that, and the time is over once
    /// nothing but such activities is left.
    /// </summary>
    private async Task<object?> RunActivityAsync(Invoker invoker, Function function, ActivityCall call, CancellationToken lost)
    {
        Interlocked.Increment(ref running);
        try
        {
            return await invoker.RunAsync(function, call, lost);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !lost.IsCancellationRequested)
        {
            if (Interlocked.Increment(ref interrupted) == Volatile.Read(ref running))
                allInterrupted.Cancel();
            await Task.Delay(Timeout.InfiniteTimeSpan, clock, lost);
            throw;
        }
        finally
        {
            if (Interlocked.Decrement(ref running) == Volatile.Read(ref interrupted) && Volatile.Read(ref interrupted) > 0)
                allInterrupted.Cancel();
        }
    }

    private sealed class OrchestrationEpisode(TaskOrchestrationContext context) : ITriggerData
    {
        public TaskOrchestrationContext Context => context;

        public string? TraceParent => null;

        public IReadOnlyDictionary<string, object?> BindingData() => new Dictionary<string, object?> { ["instanceId"] = context.InstanceId };
    }

    private sealed class ActivityCall(TaskActivityContext context, string? input) : ITriggerData
    {
        public string? TraceParent => null;

        /// <summary>A string parameter gets a JSON string's content, and any other JSON as it is written.</summary>
        public object? Input(Type type) =>
            type == typeof(string) && input is not (null or "null") && !input.StartsWith('"')
                ? input
                : JsonDataConverter.Default.Deserialize(input, type);

        public IReadOnlyDictionary<string, object?> BindingData() => new Dictionary<string, object?> { ["instanceId"] = context.InstanceId };
    }
}
