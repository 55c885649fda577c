using System.Collections.Concurrent;
using System.Reflection;

namespace Weir.Catalog;

/// <summary>The upcasts of an assembly.</summary>
internal sealed class Upcasts
{
    private static readonly ConcurrentDictionary<Assembly, Upcasts> ByAssembly = new();

    private readonly IReadOnlyList<Upcast> all;

    /// <exception cref="InvalidOperationException">An upcast leads nowhere, or cannot be made.</exception>
    internal Upcasts(IReadOnlyCollection<Type> types)
    {
        all = [.. types.Where(type => type is { IsClass: true, IsAbstract: false, ContainsGenericParameters: false }).SelectMany(Upcast.Of)];
        var contracts = types.SelectMany(type => type.GetInterfaces()).Where(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IJobHandler<>)).Select(one => one.GetGenericArguments()[0]).ToHashSet();
        if (all.FirstOrDefault(upcast => !contracts.Contains(upcast.New) && all.All(other => other.Old != upcast.New)) is { } stray)
            throw new InvalidOperationException($"{stray.Name} leads to {stray.New.Name}, which is neither the contract of a handler in its assembly nor read by another upcast.");
    }

    public static Upcasts In(Assembly assembly) => ByAssembly.GetOrAdd(assembly, static one => new Upcasts(one.GetTypes()));

    /// <summary>The upcast that leads to a contract; null when there is none.</summary>
    /// <exception cref="InvalidOperationException">There are several.</exception>
    public Upcast? Into(Type contract, string type)
    {
        var found = all.Where(upcast => upcast.New == contract).ToArray();
        return found.Length <= 1 ? found.FirstOrDefault()
            : throw new InvalidOperationException($"{type}: {string.Join(" and ", found.Select(upcast => upcast.Name))} all lead to {contract.Name}; a version has one predecessor.");
    }
}

/// <summary>One upcast, made once.</summary>
internal sealed record Upcast(string Name, Type Old, Type New, Func<object, object> Apply)
{
    public static IEnumerable<Upcast> Of(Type type) =>
        from one in type.GetInterfaces()
        where one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IUpcast<,>)
        let arguments = one.GetGenericArguments()
        select new Upcast(type.Name, arguments[0], arguments[1], (Func<object, object>)Applying.MakeGenericMethod(arguments).Invoke(null, [Make(type)])!);

    private static readonly MethodInfo Applying = typeof(Upcast).GetMethod(nameof(ApplyingOf), BindingFlags.NonPublic | BindingFlags.Static)!;

    private static object Make(Type type) => type.GetConstructor(Type.EmptyTypes) is { } constructor
        ? constructor.Invoke(null)
        : throw new InvalidOperationException($"{type.Name} has no public constructor without parameters; an upcast is a pure function and needs nothing.");

    private static Func<object, object> ApplyingOf<TOld, TNew>(IUpcast<TOld, TNew> upcast) =>
        old => upcast.Upcast((TOld)old) ?? throw new InvalidOperationException($"{upcast.GetType().Name} gave back null.");
}
