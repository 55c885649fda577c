using Microsoft.DurableTask;
using Microsoft.DurableTask.Abstractions;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

namespace Contract.Tests.DurableTask;

public sealed class VersionTests
{
    [Theory]
    [InlineData("1.10.0", "1.9.0", 1)]
    [InlineData("1.0", "1.0", 0)]
    [InlineData("", "1.0", -1)]
    [InlineData("1.0", "", 1)]
    [InlineData("", "", 0)]
    [InlineData("beta", "ALPHA", 1)]
    [InlineData("v1", "V1", 0)]
    public void Versions_compare_as_documented(string one, string other, int sign) =>
        Assert.Equal(sign, Math.Sign(TaskOrchestrationVersioningUtils.CompareVersions(one, other)));

    [Fact]
    public void An_instance_has_the_default_version_or_the_one_it_was_started_with() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(Register, new EngineOptions { DefaultVersion = "2.0" });

        var byDefault = await client.ScheduleNewOrchestrationInstanceAsync("Tell");
        var older = await client.ScheduleNewOrchestrationInstanceAsync("Tell", new StartOrchestrationOptions { Version = "1.5" });
        var none = await client.ScheduleNewOrchestrationInstanceAsync("Tell", new StartOrchestrationOptions { Version = TaskVersion.Unversioned });

        Assert.Equal("2.0 0 child 2.0", (await client.WaitForInstanceCompletionAsync(byDefault, true)).ReadOutputAs<string>());
        Assert.Equal("1.5 -1 child 2.0", (await client.WaitForInstanceCompletionAsync(older, true)).ReadOutputAs<string>());
        Assert.Equal(" -1 child 2.0", (await client.WaitForInstanceCompletionAsync(none, true)).ReadOutputAs<string>());
    });

    [Theory]
    [InlineData(VersionMatchStrategy.None, "1.0 2.0 3.0")]
    [InlineData(VersionMatchStrategy.Strict, "2.0")]
    [InlineData(VersionMatchStrategy.CurrentOrOlder, "1.0 2.0")]
    public void What_does_not_match_is_left_for_another_process(object strategy, string expected) => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(Register, new EngineOptions { DefaultVersion = "2.0", VersionMatchStrategy = (VersionMatchStrategy)strategy });
        foreach (var version in new[] { "3.0", "2.0", "1.0" })
            await client.ScheduleNewOrchestrationInstanceAsync("Own", new StartOrchestrationOptions($"v{version}") { Version = version });
        await world.SettleAsync();

        Assert.Equal(expected, await CompletedAsync(client));
        await world.StartAsync(Register, new EngineOptions { DefaultVersion = "3.0" });
        await world.SettleAsync();
        Assert.Equal("1.0 2.0 3.0", await CompletedAsync(client));
    });

    [Fact]
    public void What_does_not_match_fails_when_so_configured() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(Register, new EngineOptions { DefaultVersion = "2.0", VersionFailureStrategy = VersionFailureStrategy.Fail });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Own", new StartOrchestrationOptions { Version = "2.1" });

        Assert.Equal("VersionMismatch", (await client.WaitForInstanceCompletionAsync(id)).FailureDetails!.ErrorType);
    });

    [Fact]
    public void Continue_as_new_can_take_a_new_version() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Grow", context =>
        {
            if (context.Version == "1.0")
                context.ContinueAsNew(new ContinueAsNewOptions { NewVersion = "2.0" });
            return Task.FromResult(context.Version);
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Grow", new StartOrchestrationOptions { Version = "1.0" });

        Assert.Equal("2.0", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    private static void Register(OrchestrationEngine engine)
    {
        engine.Orchestrator("Tell", async context =>
            $"{context.Version} {context.CompareVersionTo("2.0")} child {await context.CallSubOrchestratorAsync<string>("Own")}");
        engine.Orchestrator("Own", async context => await context.CallActivityAsync<string>("Echo", context.Version));
        engine.Activity<string, string>("Echo", text => text);
    }

    private static async Task<string> CompletedAsync(DurableTaskClient client)
    {
        var done = client.GetAllInstancesAsync(new OrchestrationQuery(Statuses: [OrchestrationRuntimeStatus.Completed]));
        return string.Join(' ', await done.Select(instance => instance.InstanceId[1..]).ToListAsync());
    }
}
