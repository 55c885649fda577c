using System.Collections;
using System.Diagnostics;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace AzureLocal.Functions;

/// <summary>
/// One run of a function. What most functions never ask for (the scope, the id, items, features) is made when it is first
/// asked for: at ten thousand messages a second each of them would show.
/// </summary>
internal sealed class Invocation(Function function, object trigger, Invoker invoker, CancellationToken cancellation)
    : FunctionContext, IAsyncDisposable
{
    private string? id;
    private AsyncServiceScope? scope;
    private IServiceProvider? services;
    private IDictionary<object, object>? items;
    private FeatureSet? features;
    private Data? data;

    public Function Function => function;

    /// <summary>What set the function off: an HttpContext, a delivery, a TimerInfo, an orchestration's context, an activity's call.</summary>
    public object Trigger => trigger;

    /// <summary>What the function returned.</summary>
    public object? Result { get; set; }

    public override string InvocationId => id ??= invoker.NextId();

    public override string FunctionId => function.Id;

    public override FunctionDefinition FunctionDefinition => function;

    public override CancellationToken CancellationToken => cancellation;

    public override TraceContext TraceContext => Known();

    public override BindingContext BindingContext => Known().Bindings;

    public override IDictionary<object, object> Items
    {
        get => items ??= new Dictionary<object, object>();
        set => items = value;
    }

    public override IInvocationFeatures Features => features ??= new FeatureSet(this);

    public override IServiceProvider InstanceServices
    {
        get => services ??= (scope = invoker.CreateScope()).Value.ServiceProvider;
        set => services = value;
    }

    public ValueTask DisposeAsync() => scope?.DisposeAsync() ?? ValueTask.CompletedTask;

    private Data Known() => data ??= new Data(trigger as ITriggerData);

    private sealed class Data(ITriggerData? trigger) : TraceContext
    {
        public BindingContext Bindings { get; } = new BindingValues(trigger);

        public override string TraceParent { get; } = Activity.Current?.Id ?? trigger?.TraceParent ?? "";

        public override string TraceState { get; } = Activity.Current?.TraceStateString ?? "";
    }

    private sealed class BindingValues(ITriggerData? trigger) : BindingContext
    {
        private IReadOnlyDictionary<string, object?>? values;

        public override IReadOnlyDictionary<string, object?> BindingData =>
            values ??= trigger?.BindingData() ?? new Dictionary<string, object?>();
    }

    private sealed class FeatureSet : InvocationResult, IInvocationFeatures
    {
        private readonly Dictionary<Type, object> features = [];
        private readonly Invocation invocation;

        public FeatureSet(Invocation invocation)
        {
            this.invocation = invocation;
            features[typeof(InvocationResult)] = this;
        }

        public override object? Value
        {
            get => invocation.Result;
            set => invocation.Result = value;
        }

        public T? Get<T>() => features.TryGetValue(typeof(T), out var feature) ? (T)feature : default;

        public void Set<T>(T instance) => features[typeof(T)] = instance!;

        public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => features.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}

/// <summary>What a trigger can say about itself.</summary>
internal interface ITriggerData
{
    string? TraceParent { get; }

    IReadOnlyDictionary<string, object?> BindingData();
}
