using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

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
        var client = await world.StartAsync(engine => Count(engine, 200, () => calls++));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Count");
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(200, done.ReadOutputAs<int>());
        Assert.Equal(200, calls);
    });

    [Fact]
    public void A_hundred_activities_fan_out_as_far_as_there_is_room_and_in_again() => DurableWorld.Run(async world =>
    {
        var (running, most) = (0, 0);
        var client = await world.StartAsync(
            engine =>
            {
                engine.Orchestrator("Fan", async context =>
                {
                    var squares = await Task.WhenAll(Enumerable.Range(1, 100).Select(number => context.CallActivityAsync<int>("Square", number)));
                    return squares.Sum();
                });
                engine.Activity<int, int>("Square", async (number, _) =>
                {
                    most = Math.Max(most, ++running);
                    await world.DelayAsync(TimeSpan.FromSeconds(1));
                    running--;
                    return number * number;
                });
            },
            new EngineOptions { MaxConcurrentActivities = 16 });

        var started = world.Clock.GetUtcNow();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Fan");
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(338_350, done.ReadOutputAs<int>());
        Assert.Equal(16, most);
        Assert.Equal(7, (world.Clock.GetUtcNow() - started).TotalSeconds, 0.5);
    });

    [Fact]
    public void A_failed_activity_is_told_by_type_message_and_inner_failure() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Catch", async context =>
            {
                try
                {
                    await context.CallActivityAsync("Break");
                    return "went on";
                }
                catch (TaskFailedException failure)
                {
                    var details = failure.FailureDetails;
                    return $"{failure.TaskName} #{failure.TaskId} {details} | {details.InnerFailure} | {details.IsCausedBy<InvalidOperationException>()} "
                        + $"{details.IsCausedBy<Exception>()} {details.IsCausedBy<IOException>()} | {failure.Message}";
                }
            });
            engine.Activity<object, int>("Break", _ => throw new ObjectDisposedException("door", new TimeoutException("too long")));
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Catch");
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(
            "Break #0 System.ObjectDisposedException: door | System.TimeoutException: too long | True True False | "
            + "Task 'Break' (#0) failed with an unhandled exception: door",
            done.ReadOutputAs<string>());
    });

    [Fact]
    public void An_unhandled_failure_fails_the_instance_with_its_cause_inside() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Fall", context => context.CallActivityAsync("Break"));
            engine.Activity<object, int>("Break", _ => throw new TimeoutException("too long"));
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Fall");
        var done = await client.WaitForInstanceCompletionAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, done.RuntimeStatus);
        Assert.Equal("Microsoft.DurableTask.TaskFailedException", done.FailureDetails!.ErrorType);
        Assert.Equal("System.TimeoutException", done.FailureDetails.InnerFailure!.ErrorType);
        Assert.Contains("too long", done.FailureDetails.ErrorMessage);
    });

    [Theory]
    [InlineData("Nobody", "OrchestratorTaskNotFound")]
    [InlineData("CallsNobody", "Microsoft.DurableTask.TaskFailedException")]
    public void What_is_not_registered_fails_and_is_not_retried(string name, string error) => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("CallsNobody", context => context.CallActivityAsync(
            "Nobody", options: TaskOptions.FromRetryPolicy(new RetryPolicy(5, TimeSpan.FromHours(1))))));
        var started = world.Clock.GetUtcNow();

        var id = await client.ScheduleNewOrchestrationInstanceAsync(name);
        var done = await client.WaitForInstanceCompletionAsync(id);

        Assert.Equal(error, done.FailureDetails!.ErrorType);
        Assert.Contains("Nobody", done.FailureDetails.ErrorMessage);
        Assert.True(world.Clock.GetUtcNow() - started < TimeSpan.FromMinutes(1));
    });

    [Fact]
    public void It_stays_running_until_what_it_called_and_did_not_await_has_ended() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Careless", context =>
            {
                _ = context.CreateTimer(TimeSpan.FromMinutes(10), CancellationToken.None);
                return Task.FromResult("done");
            });
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Careless");
        await world.DelayAsync(TimeSpan.FromMinutes(9));
        Assert.True((await client.GetInstanceAsync(id))!.IsRunning);
        await world.DelayAsync(TimeSpan.FromMinutes(2));

        var done = await client.GetInstanceAsync(id, getInputsAndOutputs: true);
        Assert.Equal("done", done!.ReadOutputAs<string>());
    });

    [Fact]
    public void The_custom_status_can_be_seen_while_it_runs() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Tell", async context =>
        {
            context.SetCustomStatus(new { step = 1 });
            await context.WaitForExternalEvent<string>("go");
            context.SetCustomStatus(new { step = 2 });
            await context.WaitForExternalEvent<string>("go");
            context.SetCustomStatus(null);
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Tell");
        await client.WaitForInstanceStartAsync(id);
        Assert.Equal("""{"step":1}""", (await client.GetInstanceAsync(id, true))!.SerializedCustomStatus);
        await client.RaiseEventAsync(id, "go");
        await world.SettleAsync();
        Assert.Equal("""{"step":2}""", (await client.GetInstanceAsync(id, true))!.SerializedCustomStatus);
        await client.RaiseEventAsync(id, "go");
        Assert.Null((await client.WaitForInstanceCompletionAsync(id, true)).SerializedCustomStatus);
    });

    [Fact]
    public void Too_large_a_custom_status_or_payload_is_refused() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Boast", context =>
            {
                context.SetCustomStatus(new string('x', 8_192));
                return Task.CompletedTask;
            });
            engine.Orchestrator("Hoard", context => context.CallActivityAsync("Fill"));
            engine.Activity<object, string>("Fill", _ => new string('x', 1_048_577));
        });

        foreach (var name in new[] { "Boast", "Hoard" })
        {
            var id = await client.ScheduleNewOrchestrationInstanceAsync(name);
            var done = await client.WaitForInstanceCompletionAsync(id);
            Assert.Contains("bytes", done.FailureDetails!.ErrorMessage);
        }
        await DurableWorld.ThrowsAsync<ArgumentException>(() => client.ScheduleNewOrchestrationInstanceAsync("Boast", new string('é', 524_300)));
    });

    [Fact]
    public void A_retry_option_given_as_input_is_pointed_out() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator(
            "Mistaken", context => context.CallActivityAsync<int>("Any", (object)TaskOptions.FromRetryHandler(_ => true))));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Mistaken");

        Assert.Contains("options: …", (await client.WaitForInstanceCompletionAsync(id)).FailureDetails!.ErrorMessage);
    });

    [Fact]
    public void The_counter_tells_calls_turns_and_activities() => DurableWorld.Run(async world =>
    {
        var engine = world.NewEngine();
        Count(engine, 3, () => { });
        await engine.StartAsync(CancellationToken.None);
        var client = engine.CreateClient();

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Count");
        await client.WaitForInstanceCompletionAsync(id);

        Assert.Equal(
            new Dictionary<string, long> { ["Activity"] = 3, ["ScheduleNewOrchestrationInstance"] = 1, ["Turn"] = 4, ["WaitForInstance"] = 1 },
            engine.Operations.Snapshot());
    });

    internal static void Count(OrchestrationEngine engine, int steps, Action called)
    {
        engine.Orchestrator("Count", async context =>
        {
            var sum = 0;
            for (var step = 0; step < steps; step++)
                sum = await context.CallActivityAsync<int>("Add", sum);
            return sum;
        });
        engine.Activity<int, int>("Add", sum =>
        {
            called();
            return sum + 1;
        });
    }
}
