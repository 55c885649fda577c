using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Microsoft.Azure.Functions.Worker;

namespace Infra.Tests;

/// <summary>What the function app is made of: its functions and their triggers, the settings that it reads, the Azure clients that it calls.</summary>
internal static class App
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly Assembly[] Assemblies = [typeof(Functions.Http.GetJob).Assembly, typeof(Jobs.JobsServices).Assembly, typeof(Weir.WeirOptions).Assembly];

    public static IReadOnlyList<Function> Functions { get; } =
    [
        .. from type in typeof(Functions.Http.GetJob).Assembly.GetTypes()
           from method in type.GetMethods()
           let attribute = method.GetCustomAttribute<FunctionAttribute>()
           where attribute is not null
           select new Function(attribute.Name, method.GetParameters().SelectMany(parameter => parameter.GetCustomAttributes()).ToArray()),
    ];

    public static IEnumerable<ServiceBusTriggerAttribute> ServiceBusTriggers => Functions.SelectMany(function => function.Bindings).OfType<ServiceBusTriggerAttribute>();

    /// <summary>The names of the queues and topics in the code.</summary>
    public static IReadOnlySet<string> EntityNames { get; } = Consts(typeof(Weir.Lanes.QueueNames)).Where(name => name.StartsWith("weir-", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);

    /// <summary>The group of functions that are switched together (infra/functions.json); null for HTTP, which every app has.</summary>
    public static string? GroupOf(Function function) => function.Bindings.Select(binding => binding switch
    {
        ServiceBusTriggerAttribute trigger => trigger.QueueName!.Split('/')[0]["weir-".Length..],
        TimerTriggerAttribute => "timers",
        _ when binding.GetType().Name is "OrchestrationTriggerAttribute" or "ActivityTriggerAttribute" or "EntityTriggerAttribute" => "durable",
        _ => null,
    }).FirstOrDefault(group => group is not null);

    /// <summary>Whether any code reads this setting: a constant names it or a section above it, or it is a property of WeirOptions.</summary>
    public static bool Reads(string setting) => SettingNames.Any(name => setting == name || setting.StartsWith(name + ":", StringComparison.Ordinal));

    /// <summary>The methods of Azure's clients that the assemblies call, as Type.Method.</summary>
    public static IReadOnlySet<string> AzureCalls { get; } = Assemblies.SelectMany(CallsOf).ToHashSet(StringComparer.Ordinal);

    private static IReadOnlyList<string> SettingNames { get; } =
    [
        .. Assemblies.SelectMany(assembly => assembly.GetTypes()).SelectMany(Consts)
            .Where(text => System.Text.RegularExpressions.Regex.IsMatch(text, "^(Weir|Jobs):[A-Za-z:]+$")).Distinct(),
        .. typeof(Weir.WeirOptions).GetProperties().Select(property => $"{Weir.WeirOptions.Section}:{property.Name}"),
    ];

    private static IEnumerable<string> Consts(Type type) =>
        type.GetFields(AnyStatic).Where(field => field.IsLiteral && field.FieldType == typeof(string)).Select(field => (string)field.GetRawConstantValue()!);

    private static IEnumerable<string> CallsOf(Assembly assembly)
    {
        using var image = new PEReader(File.OpenRead(assembly.Location));
        var metadata = image.GetMetadataReader();
        string[] calls =
        [
            .. from handle in metadata.MemberReferences
               let member = metadata.GetMemberReference(handle)
               where member.Parent.Kind == HandleKind.TypeReference
               let type = metadata.GetTypeReference((TypeReferenceHandle)member.Parent)
               let space = metadata.GetString(type.Namespace)
               where space.StartsWith("Azure.", StringComparison.Ordinal) || space.StartsWith("Microsoft.DurableTask", StringComparison.Ordinal)
               select $"{metadata.GetString(type.Name)}.{metadata.GetString(member.Name)}",
        ];
        return calls;
    }

    internal sealed record Function(string Name, IReadOnlyList<Attribute> Bindings);
}
