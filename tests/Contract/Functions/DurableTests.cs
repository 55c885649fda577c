using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Contract.Tests.Functions;

/// <summary>Orchestrators, activities and their client as functions, in real hosts.</summary>
public sealed class DurableTests
{
    private const string HostJson = """
        { "version": "2.0", "extensions": { "durableTask": { "hubName": "TestHub", "maxConcurrentActivityFunctions": 4, "maxConcurrentOrchestratorFunctions": 4 } } }
        """;

    [Fact]
    public async Task A_function_starts_an_orchestration_whose_activities_are_functions()
    {
        var probe = new Probe();
        await using var host = await StartAsync(probe);

        Assert.Equal("\"HELLO ANN! HELLO BOB!\"", await host.Client.GetStringAsync("api/start/Greet"));

        Assert.Contains("activity Ann, 1 item", probe.Seen);
        Assert.Contains("Information: Functions: 1 HTTP, 3 orchestrator, 4 activity", host.Log.Lines);
    }

    [Fact]
    public async Task Middleware_wraps_orchestrators_and_activities()
    {
        var probe = new Probe();
        await using var host = await StartAsync(probe, builder => builder.UseMiddleware(async (context, next) =>
        {
            probe.See($"{context.FunctionDefinition.InputBindings.Values.Single(binding => binding.Type.EndsWith("Trigger", StringComparison.Ordinal)).Type} of {context.BindingContext.BindingData.GetValueOrDefault("instanceId") ?? "none"}");
            await next();
        }));

        await host.Client.GetStringAsync("api/start/Greet");

        Assert.Contains("httpTrigger of none", probe.Seen);
        Assert.Contains("orchestrationTrigger of Greet", probe.Seen);
        Assert.Contains("activityTrigger of Greet", probe.Seen);
    }

    [Fact]
    public async Task A_failed_activity_fails_the_orchestration_with_its_details()
    {
        await using var host = await StartAsync(new Probe());

        Assert.Equal("Failed: TaskFailedException", await host.Client.GetStringAsync("api/start/Fails"));
    }

    [Fact]
    public async Task An_activity_that_the_stop_interrupts_has_not_failed_and_runs_again_in_the_next_host()
    {
        using var directory = new TestDirectory();
        var first = new Probe();
        var host = await StartAsync(first, shared: directory);
        var answer = host.Client.GetAsync("api/start/Long");
        await first.Until("long begins");

        await host.DisposeAsync();
        await first.Until("long interrupted");
        await answer.ContinueWith(_ => { }, TaskScheduler.Default);

        var second = new Probe();
        second.Open("no stop");
        await using var next = await StartAsync(second, shared: directory);
        Assert.Equal("\"done\"", await next.Client.GetStringAsync("api/start/Long"));
    }

    private static Task<TestHost> StartAsync(
        Probe probe, Action<Microsoft.Azure.Functions.Worker.Builder.FunctionsApplicationBuilder>? configure = null, TestDirectory? shared = null) =>
        TestHost.StartAsync(
            [typeof(Orchestrations)],
            new TestHostOptions
            {
                HostJson = HostJson,
                Configure = builder =>
                {
                    builder.Services.AddSingleton(probe);
                    configure?.Invoke(builder);
                },
            },
            shared);

    public sealed record Greeting(string Name, string[] Items);

    public sealed class Orchestrations(Probe probe)
    {
        [Function("Start")]
        public static async Task<IResult> Start(
            [HttpTrigger("get", Route = "start/{name}")] HttpRequest request, [DurableClient] DurableTaskClient client, string name, CancellationToken cancellation)
        {
            if (await client.GetInstanceAsync(name, cancellation) is null)
                await client.ScheduleNewOrchestrationInstanceAsync(name, "Hello", new StartOrchestrationOptions { InstanceId = name }, cancellation);
            var done = await client.WaitForInstanceCompletionAsync(name, getInputsAndOutputs: true, cancellation);
            return Results.Text(done.RuntimeStatus == OrchestrationRuntimeStatus.Completed ? done.SerializedOutput! : $"{done.RuntimeStatus}: {done.FailureDetails!.ErrorType.Split('.')[^1]}");
        }

        [Function("Greet")]
        public static async Task<string> Greet([OrchestrationTrigger] TaskOrchestrationContext context)
        {
            var word = context.GetInput<string>();
            var greetings = await Task.WhenAll(
                context.CallActivityAsync<string>("Say", new Greeting($"{word} Ann", ["1"])),
                context.CallActivityAsync<string>("Say", new Greeting($"{word} Bob", [])));
            return await context.CallActivityAsync<string>("Shout", string.Join(' ', greetings));
        }

        [Function("Say")]
        public async Task<string> Say([ActivityTrigger] Greeting greeting, FunctionContext context)
        {
            await Task.Yield();
            probe.See($"activity {greeting.Name.Split(' ')[1]}, {greeting.Items.Length} item");
            return $"{greeting.Name}!";
        }

        [Function("Shout")]
        public static string Shout([ActivityTrigger] string text) => text.ToUpperInvariant();

        [Function("Fails")]
        public static Task Fails([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync("Throw");

        [Function("Throw")]
        public static int Throw([ActivityTrigger] int number) => throw new InvalidOperationException($"no luck {number}");

        [Function("Long")]
        public static Task<string> Long([OrchestrationTrigger] TaskOrchestrationContext context) => context.CallActivityAsync<string>("Work");

        [Function("Work")]
        public async Task<string> Work([ActivityTrigger] object? input, CancellationToken cancellation)
        {
            probe.See("long begins");
            try
            {
                await probe.Until("no stop").WaitAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                probe.See("long interrupted");
                throw;
            }
            return "done";
        }
    }
}
