using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

namespace Contract.Tests.DurableTask;

public sealed class EventTests
{
    [Fact]
    public void Events_of_one_name_come_in_order_whenever_they_are_waited_for() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Listen", async context =>
        {
            await context.CreateTimer(TimeSpan.FromMinutes(1), CancellationToken.None);
            var got = new List<int>();
            for (var i = 0; i < 4; i++)
                got.Add(await context.WaitForExternalEvent<int>("number"));
            return got;
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Listen");
        await client.RaiseEventAsync(id, "number", 1);
        await client.RaiseEventAsync(id, "NUMBER", 2);
        await world.SettleAsync();
        await client.RaiseEventAsync(id, "other", 99);
        await client.RaiseEventAsync(id, "number", 3);
        await world.DelayAsync(TimeSpan.FromMinutes(2));
        await client.RaiseEventAsync(id, "number", 4);

        Assert.Equal([1, 2, 3, 4], (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<List<int>>()!);
    });

    [Theory]
    [InlineData(59, "came")]
    [InlineData(61, "late")]
    public void An_event_and_its_timeout_race(int seconds, string expected) => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Await", Approve));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Await");
        await world.DelayAsync(TimeSpan.FromSeconds(seconds));
        await client.RaiseEventAsync(id, "approval", "came");

        Assert.Equal(expected, (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void An_event_that_came_before_the_timeout_wins_even_when_both_are_seen_at_once() => DurableWorld.Run(async world =>
    {
        var first = world.NewEngine();
        first.Orchestrator("Await", Approve);
        await first.StartAsync(CancellationToken.None);
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Await");
        await world.SettleAsync();
        await first.StopAsync(CancellationToken.None);

        await world.DelayAsync(TimeSpan.FromSeconds(30));
        await client.RaiseEventAsync(id, "approval", "came");
        await world.DelayAsync(TimeSpan.FromMinutes(30));
        var second = world.NewEngine();
        second.Orchestrator("Await", Approve);
        await second.StartAsync(CancellationToken.None);

        Assert.Equal("came", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void A_wait_that_timed_out_swallows_no_event() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Twice", async context =>
        {
            try
            {
                await context.WaitForExternalEvent<string>("go", TimeSpan.FromMinutes(1));
            }
            catch (TaskCanceledException)
            {
                await context.CreateTimer(TimeSpan.FromMinutes(1), CancellationToken.None);
            }
            return await context.WaitForExternalEvent<string>("go");
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Twice");
        await world.DelayAsync(TimeSpan.FromSeconds(90));
        await client.RaiseEventAsync(id, "go", "at last");

        Assert.Equal("at last", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void The_timer_of_a_wait_that_was_answered_is_taken_back() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Await", Approve));
        var started = world.Clock.GetUtcNow();

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Await");
        await world.SettleAsync();
        await client.RaiseEventAsync(id, "approval", "came");
        await client.WaitForInstanceCompletionAsync(id);

        await world.SettleAsync();

        Assert.True(world.Clock.GetUtcNow() - started < TimeSpan.FromSeconds(1));
        Assert.Null(world.Clock.NextDue);
    });

    [Fact]
    public void The_latest_of_several_waits_gets_the_event() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Pile", async context =>
        {
            var older = context.WaitForExternalEvent<string>("go");
            var newer = context.WaitForExternalEvent<string>("go");
            var first = await Task.WhenAny(older, newer);
            return $"{(first == newer ? "newer" : "older")} {await newer} {await older}";
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Pile");
        await client.RaiseEventAsync(id, "go", "a");
        await client.RaiseEventAsync(id, "go", "b");

        Assert.Equal("newer a b", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void An_event_to_nobody_or_to_the_finished_is_dropped() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("End", _ => Task.CompletedTask));
        var id = await client.ScheduleNewOrchestrationInstanceAsync("End");
        await client.WaitForInstanceCompletionAsync(id);

        await client.RaiseEventAsync(id, "go");
        await client.RaiseEventAsync("nobody", "go");
        await world.SettleAsync();

        Assert.Equal(0, world.Store.Read(database =>
        {
            using var rows = database.Query("SELECT count(*) FROM durable_inbox");
            rows.Read();
            return rows.Int64(0);
        }));
    });

    [Fact]
    public void Orchestrations_send_each_other_events() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Ping", async context =>
            {
                context.SendEvent("pong", "ball", context.InstanceId);
                return await context.WaitForExternalEvent<string>("ball");
            });
            engine.Orchestrator("Pong", async context =>
            {
                var from = await context.WaitForExternalEvent<string>("ball");
                context.SendEvent(from, "ball", "back");
            });
        });

        await client.ScheduleNewOrchestrationInstanceAsync("Pong", new StartOrchestrationOptions("pong"));
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Ping");

        Assert.Equal("back", (await client.WaitForInstanceCompletionAsync(id, true)).ReadOutputAs<string>());
    });

    [Fact]
    public void Continue_as_new_starts_over_and_keeps_events_that_were_not_waited_for() => DurableWorld.Run(async world =>
    {
        var client = await world.StartAsync(engine => engine.Orchestrator("Sum", async context =>
        {
            var sum = context.GetInput<int>() + await context.WaitForExternalEvent<int>("add");
            if (sum < 10)
            {
                context.SetCustomStatus(sum);
                context.ContinueAsNew(sum);
            }
            return sum;
        }));

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Sum", 0);
        for (var i = 1; i <= 4; i++)
            await client.RaiseEventAsync(id, "add", i);
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal(10, done.ReadOutputAs<int>());
        Assert.Equal(6, done.ReadInputAs<int>());
    });

    [Fact]
    public void Continue_as_new_keeps_the_order_of_events_taken_and_not_yet_taken() => DurableWorld.Run(async world =>
    {
        DurableTaskClient? client = null;
        var raised = 0;
        client = await world.StartAsync(
            engine => engine.Orchestrator("Order", async context =>
            {
                if (!context.GetInput<bool>())
                {
                    await context.WaitForExternalEvent<int>("restart");
                    context.ContinueAsNew(true);
                    return string.Empty;
                }
                var got = string.Empty;
                for (var i = 0; i < 3; i++)
                    got += await context.WaitForExternalEvent<int>("n");
                return got;
            }),
            new EngineOptions
            {
                DecorateStore = inner => new FaultyStore(inner, async (name, call) =>
                {
                    // While the turn that restarts is on its way to storage, one more event comes.
                    if (name == nameof(IOrchestrationStore.CommitTurnAsync) && raised++ == 0)
                        await client!.RaiseEventAsync("job", "n", 3);
                    await call();
                }),
            });

        await client.ScheduleNewOrchestrationInstanceAsync("Order", new StartOrchestrationOptions("job"));
        await client.RaiseEventAsync("job", "n", 1);
        await client.RaiseEventAsync("job", "n", 2);
        await client.RaiseEventAsync("job", "restart");

        Assert.Equal("123", (await client.WaitForInstanceCompletionAsync("job", true)).ReadOutputAs<string>());
    });

    [Fact]
    public void Continue_as_new_can_drop_events_and_forgets_what_is_under_way() => DurableWorld.Run(async world =>
    {
        var results = new List<string>();
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Again", async context =>
            {
                if (context.GetInput<string>() is "second")
                {
                    var mine = await context.CallActivityAsync<string>("Slow", "second");
                    var dropped = await Task.WhenAny(context.WaitForExternalEvent<int>("add"), context.CreateTimer(TimeSpan.FromHours(1), default)) is Task<int>;
                    return $"{mine} {dropped}";
                }
                _ = context.CallActivityAsync<string>("Slow", "first");
                await context.WaitForExternalEvent<int>("next");
                context.ContinueAsNew("second", preserveUnprocessedEvents: false);
                return null;
            });
            engine.Activity<string, string>("Slow", async (name, _) =>
            {
                await world.DelayAsync(TimeSpan.FromMinutes(1));
                results.Add(name);
                return name;
            });
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Again");
        await client.RaiseEventAsync(id, "add", 1);
        await client.RaiseEventAsync(id, "next");
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("second False", done.ReadOutputAs<string>());
        Assert.Equal(["first", "second"], results);
    });

    private static async Task<string> Approve(TaskOrchestrationContext context)
    {
        try
        {
            return await context.WaitForExternalEvent<string>("approval", TimeSpan.FromMinutes(1));
        }
        catch (TaskCanceledException)
        {
            return "late";
        }
    }
}
