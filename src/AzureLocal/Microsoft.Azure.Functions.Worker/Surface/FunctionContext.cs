using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>One invocation of a function, seen from inside.</summary>
public abstract class FunctionContext
{
    public abstract string InvocationId { get; }

    public abstract string FunctionId { get; }

    public abstract TraceContext TraceContext { get; }

    public abstract BindingContext BindingContext { get; }

    /// <summary>The services of this invocation: a scope of its own.</summary>
    public abstract IServiceProvider InstanceServices { get; set; }

    public abstract FunctionDefinition FunctionDefinition { get; }

    public abstract IDictionary<object, object> Items { get; set; }

    public abstract IInvocationFeatures Features { get; }

    /// <summary>Fires when the host begins to stop, on the function timeout, when the client hangs up, and when the message's lock is lost.</summary>
    public virtual CancellationToken CancellationToken { get; }
}

public abstract class FunctionDefinition
{
    public abstract string PathToAssembly { get; }

    public abstract string EntryPoint { get; }

    public abstract string Id { get; }

    public abstract string Name { get; }

    /// <summary>The trigger and the other bound parameters, by name; a trigger's type ends in <c>Trigger</c>.</summary>
    public abstract IImmutableDictionary<string, BindingMetadata> InputBindings { get; }
}

public abstract class BindingMetadata
{
    public abstract string Name { get; }

    public abstract string Type { get; }

    public abstract BindingDirection Direction { get; }
}

public enum BindingDirection
{
    In = 0,
    Out = 1,
}

public abstract class BindingContext
{
    public abstract IReadOnlyDictionary<string, object?> BindingData { get; }
}

/// <summary>W3C trace context of the invocation.</summary>
public abstract class TraceContext
{
    public abstract string TraceParent { get; }

    public abstract string TraceState { get; }
}

public interface IInvocationFeatures : IEnumerable<KeyValuePair<Type, object>>
{
    void Set<T>(T instance);

    T? Get<T>();
}

public abstract class InvocationResult<T>
{
    /// <summary>What the function returned; middleware may put something else in its place.</summary>
    public abstract T? Value { get; set; }
}

public abstract class InvocationResult : InvocationResult<object>
{
}

public static class FunctionContextBindingFeatureExtensions
{
    public static InvocationResult GetInvocationResult(this FunctionContext context) =>
        context.Features.Get<InvocationResult>() ?? throw new InvalidOperationException("This context was not made by the host.");
}

public static class FunctionContextLoggerExtensions
{
    public static ILogger<T> GetLogger<T>(this FunctionContext context) => context.InstanceServices.GetRequiredService<ILogger<T>>();

    public static ILogger GetLogger(this FunctionContext context, string categoryName) =>
        context.InstanceServices.GetRequiredService<ILoggerFactory>().CreateLogger(categoryName);
}
