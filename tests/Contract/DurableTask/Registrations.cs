using System.Text.Json;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Engine;

namespace Contract.Tests.DurableTask;

/// <summary>Orchestrators and activities in a line each.</summary>
internal static class Registrations
{
    public static void Orchestrator<T>(this OrchestrationEngine engine, string name, Func<TaskOrchestrationContext, Task<T>> run) =>
        engine.AddOrchestrator(name, async context => await run(context));

    public static void Orchestrator(this OrchestrationEngine engine, string name, Func<TaskOrchestrationContext, Task> run) =>
        engine.AddOrchestrator(name, async context =>
        {
            await run(context);
            return null;
        });

    public static void Activity<TIn, TOut>(this OrchestrationEngine engine, string name, Func<TIn, TOut> run) =>
        engine.AddActivity(name, (_, input, _) => Task.FromResult<object?>(run(Read<TIn>(input))));

    public static void Activity<TIn, TOut>(this OrchestrationEngine engine, string name, Func<TIn, CancellationToken, Task<TOut>> run) =>
        engine.AddActivity(name, async (_, input, cancellation) => await run(Read<TIn>(input), cancellation));

    private static T Read<T>(string? input) => input is null ? default! : JsonSerializer.Deserialize<T>(input)!;
}
