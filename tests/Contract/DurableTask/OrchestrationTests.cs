using Microsoft.DurableTask.Client;

namespace Contract.Tests.DurableTask;

public sealed class OrchestrationTests
{
    [Fact]
    public void Calls_activities_and_returns_its_output() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Greet", async context =>
            {
                var first = await context.CallActivityAsync<string>("Hello", context.GetInput<string>());
                return await context.CallActivityAsync<string>("Hello", first);
            });
            engine.Activity<string, string>("Hello", name => $"Hello {name}!");
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("greet", "you");
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(OrchestrationRuntimeStatus.Completed, done.RuntimeStatus);
        Assert.Equal("Hello Hello you!!", done.ReadOutputAs<string>());
        Assert.Equal("you", done.ReadInputAs<string>());
        Assert.Null(done.FailureDetails);
    });

    [Fact]
    public void Two_hundred_steps_run_each_activity_once() => DurableWorld.Run(async world =>
    {
        var calls = 0;
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Count", async context =>
            {
                var sum = 0;
                for (var step = 0; step < 200; step++)
                    sum = await context.CallActivityAsync<int>("Add", sum);
                return sum;
            });
            engine.Activity<int, int>("Add", sum => { calls++; return sum + 1; });
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Count");
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(200, done.ReadOutputAs<int>());
        Assert.Equal(200, calls);
    });
}
