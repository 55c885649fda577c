using AzureLocal.Functions;
using Functions.Http;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Simulation.World;

/// <summary>
/// The functions of src/Functions, found as the host finds them: whatever trigger is added there runs in the simulation too. What does not
/// depend on an instance is made once, since thousands of instances are made.
/// </summary>
internal static class FunctionApp
{
    private static readonly IReadOnlyList<FoundFunction> Found = FunctionCatalog.Find(typeof(SubmitJob).Assembly.GetTypes());

    public static IReadOnlyDictionary<string, Function> Http { get; } = Of<HttpTriggerAttribute>(found =>
    {
        var pattern = RoutePatternFactory.Parse(((HttpTriggerAttribute)found.Trigger).Route ?? found.Name);
        return parameter => HttpCall.Bind(found, pattern, parameter);
    });

    public static IReadOnlyDictionary<string, Function> Messages { get; } = Of<ServiceBusTriggerAttribute>(found => ServiceBusTriggers.Bind(found, (ServiceBusTriggerAttribute)found.Trigger));

    public static IReadOnlyDictionary<string, Function> Timers { get; } = Of<TimerTriggerAttribute>(found => parameter => TimerTriggers.Bind(found, parameter));

    public static IReadOnlyDictionary<string, Function> Orchestrators { get; } = Of<OrchestrationTriggerAttribute>(found => parameter => DurableTriggers.BindContext(found, parameter));

    public static IReadOnlyDictionary<string, Function> Activities { get; } = Of<ActivityTriggerAttribute>(found => parameter => DurableTriggers.BindInput(found, parameter));

    private static SortedDictionary<string, Function> Of<T>(Func<FoundFunction, Func<System.Reflection.ParameterInfo, Binder?>> bind)
    {
        var functions = new SortedDictionary<string, Function>(StringComparer.Ordinal);
        foreach (var found in Found.Where(found => found.Trigger is T && found.Name != nameof(SimulateServices) && found.Name != nameof(GetProbeEffects)))
            functions.Add(found.Name, new Function(found, bind(found), Anywhere));
        return functions;
    }

    private static Binder? Anywhere(System.Reflection.ParameterInfo parameter) =>
        parameter.ParameterType == typeof(FunctionContext) ? static invocation => invocation
        : parameter.ParameterType == typeof(CancellationToken) ? static invocation => invocation.CancellationToken
        : parameter.ParameterType == typeof(DurableTaskClient) ? static invocation => invocation.InstanceServices.GetRequiredService<DurableTaskClient>()
        : null;
}
