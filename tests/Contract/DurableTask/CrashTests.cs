using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;

namespace Contract.Tests.DurableTask;

public sealed class CrashTests
{
    [Fact]
    public void A_new_engine_goes_on_where_a_dead_one_stopped() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        var first = await StartHostAsync(world, "first", calls);
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Steps");
        await world.DelayAsync(TimeSpan.FromSeconds(25)); // the third step is under way
        world.Kill(first, "first");

        var restarted = world.Clock.GetUtcNow();
        await StartHostAsync(world, "second", calls);
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("1234", done.ReadOutputAs<string>());
        Assert.Equal(["first 1", "first 2", "first 3", "second 3", "second 4"], calls);
        Assert.Equal(20, (done.LastUpdatedAt - restarted).TotalSeconds, 0.5); // nothing was waited for but the steps
    });

    [Fact]
    public void The_lock_of_a_host_that_hangs_ends_by_itself() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        var first = await StartHostAsync(world, "first", calls);
        await StartHostAsync(world, "second", calls, activities: 0);
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Steps");
        await world.DelayAsync(TimeSpan.FromSeconds(5));
        first.Kill(); // but nobody knows it

        await StartHostAsync(world, "third", calls);
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("1234", done.ReadOutputAs<string>());
        Assert.Equal(["first 1", "third 1", "third 2", "third 3", "third 4"], calls);
        Assert.Equal(60 + 40, (done.LastUpdatedAt - done.CreatedAt).TotalSeconds, 0.5);
    });

    [Fact]
    public void A_stopped_engine_finishes_what_runs_and_takes_no_more() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        var first = await StartHostAsync(world, "first", calls);
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Steps");
        await world.DelayAsync(TimeSpan.FromSeconds(5));

        await first.StopAsync(CancellationToken.None);
        Assert.Equal(10, SecondsFrom(world), 0.5);
        await world.DelayAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(["first 1"], calls);
        await StartHostAsync(world, "second", calls);
        await client.WaitForInstanceCompletionAsync(id);

        Assert.Equal(["first 1", "second 2", "second 3", "second 4"], calls);
    });

    [Fact]
    public void What_outlasts_the_stop_is_cancelled_and_handed_back_at_once() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        var first = await StartHostAsync(world, "first", calls);
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Steps");
        await world.DelayAsync(TimeSpan.FromSeconds(2));

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3), world.Clock);
        await first.StopAsync(patience.Token);
        Assert.Equal(5, SecondsFrom(world), 0.5);
        await StartHostAsync(world, "second", calls);
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("1234", done.ReadOutputAs<string>());
        Assert.Equal(["first 1", "cancelled 1", "second 1", "second 2", "second 3", "second 4"], calls);
        Assert.Equal(45, SecondsFrom(world), 0.5);
        await first.DisposeAsync();
    });

    [Fact]
    public void A_long_activity_keeps_its_lock() => DurableWorld.Run(async world =>
    {
        var runs = 0;
        void Register(OrchestrationEngine engine)
        {
            engine.Orchestrator("Long", context => context.CallActivityAsync("Hours"));
            engine.Activity<object, int>("Hours", async (_, cancellation) =>
            {
                runs++;
                await Task.Delay(TimeSpan.FromHours(2), world.Clock, cancellation);
                return 0;
            });
        }
        var client = await world.StartAsync(Register, world.Host("first"));
        await world.StartAsync(Register, world.Host("second"));

        await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Long"));

        Assert.Equal(1, runs);
        await world.DelayAsync(TimeSpan.FromMinutes(1));
        Assert.Null(world.Clock.NextDue); // and then nothing is renewed any longer
    });

    [Fact]
    public void An_activity_that_lost_its_lock_is_cancelled_and_its_result_comes_too_late() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        var cut = true;
        var first = await StartHostAsync(world, "first", calls, activities: 1, fault: async (name, call) =>
        {
            if (cut && name == nameof(IOrchestrationStore.RenewAsync))
                throw new IOException("no network");
            await call();
        }, lockDuration: TimeSpan.FromSeconds(3));
        await StartHostAsync(world, "second", calls, lockDuration: TimeSpan.FromSeconds(3));
        var client = first.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Steps");
        await world.DelayAsync(TimeSpan.FromSeconds(5));
        cut = false;
        var done = await client.WaitForInstanceCompletionAsync(id, true);

        Assert.Equal("1234", done.ReadOutputAs<string>());
        Assert.Equal(["first 1", "second 1", "cancelled 1"], calls.Take(3));
    });

    [Fact]
    public void A_turn_of_an_instance_that_was_terminated_meanwhile_is_thrown_away() => DurableWorld.Run(async world =>
    {
        var calls = new List<string>();
        DurableTaskClient? client = null;
        var engine = await StartHostAsync(world, "first", calls, fault: async (name, call) =>
        {
            if (name == nameof(IOrchestrationStore.CommitTurnAsync))
                await client!.TerminateInstanceAsync("job", (object)"stop");
            await call();
        });
        client = engine.CreateClient();

        await client.ScheduleNewOrchestrationInstanceAsync("Steps", new StartOrchestrationOptions("job"));
        await world.DelayAsync(TimeSpan.FromMinutes(1));

        Assert.Empty(calls);
        Assert.Equal("stop", (await client.GetInstanceAsync("job", true))!.ReadOutputAs<string>());
    });

    [Fact]
    public void Whatever_storage_does_and_whoever_dies_every_instance_ends_with_the_right_result()
    {
        for (var seed = 1; seed <= 25; seed++)
            DurableWorld.Run(world => RunBadDayAsync(world, new Random(seed)));
    }

    /// <summary>
    /// Three hosts, one killed every few seconds and started anew, over storage of which one call in ten fails, before or after it is done.
    /// </summary>
    private static async Task RunBadDayAsync(DurableWorld world, Random chance)
    {
        var isBad = true;
        async Task Fault(string name, Func<Task> call)
        {
            await world.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(20)));
            var dice = isBad ? chance.Next(20) : 20;
            if (dice == 0)
                throw new IOException($"{name} was refused");
            await call();
            if (dice == 1)
                throw new IOException($"{name} was done, but the answer is lost");
        }
        var results = new Dictionary<string, int>();
        var hosts = new List<(string Name, OrchestrationEngine Engine)>();
        async Task StartHostAsync(int number)
        {
            var name = $"host {number}";
            var engine = world.NewEngine(new EngineOptions
            {
                ProcessId = name,
                IsProcessAlive = id => !world.Dead.Contains(id),
                HasOtherProcesses = () => true,
                LockDuration = TimeSpan.FromSeconds(20),
                DecorateStore = inner => new FaultyStore(inner, Fault),
            });
            engine.Orchestrator("Family", async context =>
            {
                var parts = Enumerable.Range(0, 3).Select(i => context.CallSubOrchestratorAsync<int>(
                    "Part", i, new SubOrchestrationOptions(instanceId: $"{context.InstanceId}-{i}")));
                var sum = (await Task.WhenAll(parts)).Sum();
                return sum + await context.WaitForExternalEvent<int>("bonus");
            });
            engine.Orchestrator("Part", async context =>
            {
                var retry = TaskOptions.FromRetryPolicy(new RetryPolicy(10, TimeSpan.FromSeconds(1)));
                var sum = 0;
                for (var i = 0; i < 4; i++)
                {
                    await context.CreateTimer(TimeSpan.FromMilliseconds(500), CancellationToken.None);
                    sum += await context.CallActivityAsync<int>("Work", context.GetInput<int>() * 10 + i, retry);
                }
                return sum;
            });
            engine.Activity<int, int>("Work", async (number, cancellation) =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(chance.Next(800)), world.Clock, cancellation);
                return chance.Next(10) == 0 ? throw new TimeoutException() : number;
            });
            await engine.StartAsync(CancellationToken.None);
            hosts.Add((name, engine));
        }

        for (var i = 0; i < 3; i++)
            await StartHostAsync(i);
        var client = world.NewEngine().CreateClient();
        for (var i = 0; i < 5; i++)
        {
            await client.ScheduleNewOrchestrationInstanceAsync("Family", new StartOrchestrationOptions($"family-{i}"));
            await client.RaiseEventAsync($"family-{i}", "bonus", 1_000);
        }
        for (var i = 3; i < 9; i++)
        {
            await world.DelayAsync(TimeSpan.FromMilliseconds(chance.Next(3_000)));
            var victim = hosts[chance.Next(hosts.Count)];
            hosts.Remove(victim);
            victim.Engine.Kill();
            if (chance.Next(2) == 0)
                world.Dead.Add(victim.Name);
            await StartHostAsync(i);
        }
        isBad = false;

        for (var i = 0; i < 5; i++)
        {
            var done = await client.WaitForInstanceCompletionAsync($"family-{i}", true);
            Assert.Equal(OrchestrationRuntimeStatus.Completed, done.RuntimeStatus);
            Assert.Equal(1_000 + 6 + 46 + 86, done.ReadOutputAs<int>());
        }
    }

    private static double SecondsFrom(DurableWorld world) =>
        (world.Clock.GetUtcNow() - new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds;

    /// <summary>A host that does four steps of ten seconds each, and notes who did which.</summary>
    private static async Task<OrchestrationEngine> StartHostAsync(
        DurableWorld world,
        string name,
        List<string> calls,
        int activities = 8,
        Func<string, Func<Task>, Task>? fault = null,
        TimeSpan? lockDuration = null)
    {
        var engine = world.NewEngine(new EngineOptions
        {
            ProcessId = name,
            IsProcessAlive = id => !world.Dead.Contains(id),
            HasOtherProcesses = () => true,
            MaxConcurrentActivities = activities,
            LockDuration = lockDuration ?? TimeSpan.FromMinutes(1),
            DecorateStore = inner => fault is null ? inner : new FaultyStore(inner, fault),
        });
        engine.Orchestrator("Steps", async context =>
        {
            var text = string.Empty;
            for (var step = 1; step <= 4; step++)
                text += await context.CallActivityAsync<int>("Step", step);
            return text;
        });
        engine.Activity<int, int>("Step", async (step, cancellation) =>
        {
            calls.Add($"{name} {step}");
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(10), world.Clock, cancellation);
            }
            catch (OperationCanceledException)
            {
                calls.Add($"cancelled {step}");
                throw;
            }
            return step;
        });
        await engine.StartAsync(CancellationToken.None);
        return engine;
    }
}
