using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;
using Microsoft.Extensions.DependencyInjection;

namespace AzureLocal.Functions;

/// <summary>How one parameter gets its value from an invocation.</summary>
internal delegate object? Binder(Invocation invocation);

/// <summary>A function ready to run: how each parameter is bound, and the compiled calls of its class and method.</summary>
internal sealed class Function : FunctionDefinition
{
    private readonly FoundFunction found;
    private readonly Binder[] binders;
    private readonly Func<object?, Task> asTask;
    private readonly Func<Task, object?>? resultOf;
    private readonly ConstructorInfo? constructor;
    private readonly Dependency[] dependencies;

    // Compiled by the first invocation that needs them: compiling them all would hold up the start.
    private Compiled.Call? call;
    private Compiled.Call? construct;

    /// <param name="found">The method.</param>
    /// <param name="bindTrigger">Binds the parameters that this kind of trigger can serve; null for any other.</param>
    /// <param name="bindInput">Binds the parameters that any function may have; null for any other.</param>
    public Function(FoundFunction found, Func<ParameterInfo, Binder?> bindTrigger, Func<ParameterInfo, Binder?> bindInput)
    {
        this.found = found;
        Name = found.Name;
        binders =
        [
            .. found.Method.GetParameters().Select(parameter => bindInput(parameter) ?? bindTrigger(parameter) ?? throw CannotBind(parameter)),
        ];
        (asTask, resultOf) = (Compiled.AsTask(found.Method.ReturnType), Compiled.ResultOf(found.Method.ReturnType));
        InputBindings = found.Method.GetParameters()
            .Select(parameter => (BindingMetadata?)ParameterMetadata.Of(parameter))
            .OfType<BindingMetadata>()
            .ToImmutableDictionary(binding => binding.Name);
        if (found.Method.IsStatic)
        {
            dependencies = [];
            return;
        }
        if (found.Method.DeclaringType!.GetConstructors() is not [var only])
            throw found.Refuse("its class must have exactly one public constructor.");
        constructor = only;
        dependencies = [.. only.GetParameters().Select(parameter => new Dependency(parameter))];
    }

    public override string Name { get; }

    public override string Id => Name;

    public override string EntryPoint => $"{found.Method.DeclaringType!.FullName}.{found.Method.Name}";

    public override string PathToAssembly => found.Method.Module.FullyQualifiedName;

    public override IImmutableDictionary<string, BindingMetadata> InputBindings { get; }

    public TriggerBindingAttribute Trigger => found.Trigger;

    /// <summary>Refuses a class that dependency injection could not make: at start rather than at the first message.</summary>
    public void CheckDependencies(IServiceProviderIsService services)
    {
        if (dependencies.FirstOrDefault(dependency => !dependency.IsKnownTo(services)) is { } missing)
            throw found.Refuse($"its class needs a {missing.Type}, which is not registered: builder.Services.Add….");
    }

    /// <summary>Makes the class, binds the parameters and calls the method: its task.</summary>
    public Task StartAsync(Invocation invocation)
    {
        var instance = constructor is null ? null : Construct(invocation);
        var arguments = new object?[binders.Length];
        for (var i = 0; i < arguments.Length; i++)
            arguments[i] = binders[i](invocation);
        call ??= Compiled.Of(found.Method);
        return asTask(call(instance, arguments));
    }

    /// <summary>Whether the method returns more than a task.</summary>
    public bool HasResult => resultOf is not null;

    /// <summary>What the method returned, by its task, which has ended.</summary>
    public object? ResultOf(Task ended) => resultOf?.Invoke(ended);

    private object Construct(Invocation invocation)
    {
        var arguments = dependencies.Length == 0 ? [] : new object?[dependencies.Length];
        for (var i = 0; i < arguments.Length; i++)
            arguments[i] = dependencies[i].Get(invocation.InstanceServices);
        construct ??= Compiled.Of(constructor!);
        return construct(null, arguments)!;
    }

    private StartRefusedException CannotBind(ParameterInfo parameter) => found.Refuse(
        parameter == found.Parameter
            ? $"a {found.Trigger.GetType().Name[..^"Attribute".Length]} cannot be bound to a {parameter.ParameterType.Name}."
            : $"nothing can be bound to the parameter '{parameter.Name}' of type {parameter.ParameterType.Name}.");

    private sealed class Dependency(ParameterInfo parameter)
    {
        private readonly object? key = parameter.GetCustomAttribute<FromKeyedServicesAttribute>()?.Key;
        private readonly bool optional = parameter.HasDefaultValue;
        private readonly object? otherwise = parameter.HasDefaultValue ? parameter.DefaultValue : null;

        public Type Type { get; } = parameter.ParameterType;

        public bool IsKnownTo(IServiceProviderIsService services) => optional || key is not null || services.IsService(Type);

        public object? Get(IServiceProvider services) =>
            key is not null ? services.GetRequiredKeyedService(Type, key)
            : optional ? services.GetService(Type) ?? otherwise
            : services.GetRequiredService(Type);
    }

    private sealed class ParameterMetadata(string name, string type) : BindingMetadata
    {
        public override string Name => name;

        public override string Type => type;

        public override BindingDirection Direction => BindingDirection.In;

        /// <summary>A binding's type is its attribute's name: HttpTriggerAttribute is httpTrigger.</summary>
        public static ParameterMetadata? Of(ParameterInfo parameter)
        {
            if (parameter.GetCustomAttribute<BindingAttribute>() is not { } binding)
                return null;
            var type = binding.GetType().Name[..^"Attribute".Length];
            return new ParameterMetadata(parameter.Name!, char.ToLowerInvariant(type[0]) + type[1..]);
        }
    }
}
