using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Contract.Tests.DurableTask;

public sealed class SubOrchestrationTests
{
    [Fact]
    public void A_child_knows_its_parent_and_answers_it() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Parent", context => context.CallSubOrchestratorAsync<string>(
                "Child", "input", new TaskOptions(tags: new Dictionary<string, string> { ["kind"] = "child" }).WithInstanceId("the-child")));
            engine.Orchestrator("Child", context =>
                Task.FromResult($"{context.GetInput<string>()} {context.InstanceId} {context.Parent!.Name} {context.Parent.InstanceId}"));
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Parent", new StartOrchestrationOptions("the-parent"));

        Assert.Equal("input the-child Parent the-parent", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
        Assert.Equal("child", (await client.GetInstanceAsync("the-child"))!.Tags["kind"]);
    });

    [Fact]
    public void Its_failure_is_a_task_failure_and_is_retried_under_the_same_id() => DurableWorld.Run(async world =>
    {
        var runs = 0;
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Parent", async context =>
            {
                try
                {
                    await context.CallSubOrchestratorAsync("Child", options: TaskOptions.FromRetryPolicy(new RetryPolicy(2, TimeSpan.FromSeconds(5))).WithInstanceId("c"));
                    return "fine";
                }
                catch (TaskFailedException failure)
                {
                    return $"{failure.TaskName} {failure.FailureDetails}";
                }
            });
            engine.Orchestrator("Child", _ =>
            {
                runs++;
                throw new InvalidDataException("bad");
            });
        });

        var done = await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Parent"), true);

        Assert.Equal("Child System.IO.InvalidDataException: bad", done.ReadOutputAs<string>());
        Assert.Equal(2, runs);
    });

    [Fact]
    public void A_child_id_that_is_in_use_fails_the_call() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Parent", context => context.CallSubOrchestratorAsync("Wait", options: new SubOrchestrationOptions(instanceId: "taken")));
            engine.Orchestrator("Wait", context => context.WaitForExternalEvent<string>("never"));
        });

        await client.ScheduleNewOrchestrationInstanceAsync("Wait", new StartOrchestrationOptions("taken"));
        await world.SettleAsync();
        var done = await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Parent"));

        Assert.Contains("exists and is Running", done.FailureDetails!.ErrorMessage);
    });

    [Theory]
    [InlineData(false, OrchestrationRuntimeStatus.Running)]
    [InlineData(true, OrchestrationRuntimeStatus.Terminated)]
    public void Termination_reaches_children_only_when_recursive(bool recursive, OrchestrationRuntimeStatus expected) => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Parent", context => context.CallSubOrchestratorAsync("Middle", options: new SubOrchestrationOptions(instanceId: "middle")));
            engine.Orchestrator("Middle", context => context.CallSubOrchestratorAsync("Leaf", options: new SubOrchestrationOptions(instanceId: "leaf")));
            engine.Orchestrator("Leaf", context => context.WaitForExternalEvent<string>("never"));
        });
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Parent");
        await world.SettleAsync();

        await client.TerminateInstanceAsync(id, new TerminateInstanceOptions("enough", recursive));
        await world.SettleAsync();

        var parent = await client.GetInstanceAsync(id, true);
        Assert.Equal(OrchestrationRuntimeStatus.Terminated, parent!.RuntimeStatus);
        Assert.Equal("enough", parent.ReadOutputAs<string>());
        Assert.Equal(expected, (await client.GetInstanceAsync("middle"))!.RuntimeStatus);
        Assert.Equal(expected, (await client.GetInstanceAsync("leaf"))!.RuntimeStatus);
    });

    [Fact]
    public void A_terminated_child_fails_the_call_of_its_parent() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Parent", context => context.CallSubOrchestratorAsync("Child", options: new SubOrchestrationOptions(instanceId: "child")));
            engine.Orchestrator("Child", context => context.WaitForExternalEvent<string>("never"));
        });
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Parent");
        await world.SettleAsync();

        await client.TerminateInstanceAsync("child");

        Assert.Contains("was terminated", (await client.WaitForInstanceCompletionAsync(id)).FailureDetails!.ErrorMessage);
    });
}
