using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace AzureLocal.Functions;

/// <summary>A method with a <c>[Function]</c>, and the parameter whose trigger runs it.</summary>
internal sealed record FoundFunction(string Name, MethodInfo Method, ParameterInfo Parameter, TriggerBindingAttribute Trigger)
{
    public StartRefusedException Refuse(string why) => new($"Function {Name} ({Method.DeclaringType!.Name}.{Method.Name}): {why}");
}

/// <summary>Finds the functions of an app once, at start, by reflection.</summary>
internal static class FunctionCatalog
{
    private const BindingFlags AnyMethod = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>Sorted by name without regard to case: the order in which the Functions host tries HTTP routes.</summary>
    public static IReadOnlyList<FoundFunction> Find(IReadOnlyList<Type>? classes)
    {
        var functions = (classes ?? ClassesOfTheApp())
            .SelectMany(type => type.GetMethods(AnyMethod))
            .Select(Describe)
            .OfType<FoundFunction>()
            .OrderBy(function => function.Name, StringComparer.OrdinalIgnoreCase)
            .ToList();
        for (var i = 1; i < functions.Count; i++)
        {
            if (string.Equals(functions[i].Name, functions[i - 1].Name, StringComparison.OrdinalIgnoreCase))
                throw functions[i].Refuse($"the name is taken by {functions[i - 1].Method.DeclaringType!.Name}.{functions[i - 1].Method.Name}.");
        }
        return functions;
    }

    private static FoundFunction? Describe(MethodInfo method)
    {
        if (method.GetCustomAttribute<FunctionAttribute>() is not { Name: var name })
            return null;
        var triggers = method.GetParameters()
            .Select(parameter => (Parameter: parameter, Trigger: parameter.GetCustomAttribute<TriggerBindingAttribute>()!))
            .Where(found => found.Trigger is not null)
            .ToArray();
        if (triggers is not [var (parameter, trigger)])
            throw new StartRefusedException($"Function {name} ({method.DeclaringType!.Name}.{method.Name}): it has {triggers.Length} triggers and needs exactly one.");

        var function = new FoundFunction(name, method, parameter, trigger);
        if (!IsValidName(name))
            throw function.Refuse("the name must begin with a letter and go on with letters, digits, _ and -, 128 at most.");
        if (!method.IsPublic || !method.DeclaringType!.IsVisible)
            throw function.Refuse("the method and its class must be public.");
        if (method.ContainsGenericParameters || (method.DeclaringType.IsAbstract && !method.IsStatic))
            throw function.Refuse("the method and its class must be neither generic nor abstract.");
        if (method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)))
            throw function.Refuse("an async method must return a task; nobody could wait for async void.");
        return function;
    }

    private static IEnumerable<Type> ClassesOfTheApp()
    {
        var entry = Assembly.GetEntryAssembly() ?? throw new StartRefusedException("There is no entry assembly to look for functions in.");
        return AssembliesOf(entry).Where(UsesFunctions).SelectMany(assembly => assembly.GetTypes());
    }

    private static IReadOnlyList<Assembly> AssembliesOf(Assembly entry)
    {
        var found = new List<Assembly> { entry };
        var seen = new HashSet<string>(StringComparer.Ordinal) { entry.GetName().Name! };
        for (var i = 0; i < found.Count; i++)
        {
            foreach (var name in found[i].GetReferencedAssemblies())
            {
                // Loading the framework to look for functions in it would cost more than all the rest of the start.
                if (!IsFramework(name.Name!) && seen.Add(name.Name!) && Load(name) is { } assembly)
                    found.Add(assembly);
            }
        }
        return found;
    }

    private static Assembly? Load(AssemblyName name)
    {
        try
        {
            return Assembly.Load(name);
        }
        catch (FileNotFoundException)
        {
            return null; // referenced and not deployed: whoever needs it will say so
        }
    }

    private static bool IsFramework(string name) =>
        name is "netstandard" or "mscorlib" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.", StringComparison.Ordinal)
        || name.StartsWith("Azure.", StringComparison.Ordinal) || name.StartsWith("AzureLocal.", StringComparison.Ordinal);

    private static bool UsesFunctions(Assembly assembly) =>
        assembly.GetReferencedAssemblies().Any(name => name.Name == typeof(FunctionAttribute).Assembly.GetName().Name);

    private static bool IsValidName(string name) =>
        name.Length is > 0 and <= 128 && char.IsAsciiLetter(name[0]) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-');
}
