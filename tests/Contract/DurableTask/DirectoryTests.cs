using System.Diagnostics;
using AzureLocal.Storage;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Contract.Tests.DurableTask;

/// <summary>On a real directory, real threads and real time.</summary>
public sealed class DirectoryTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string directory = Path.Combine(Path.GetTempPath(), "weir-durable-" + Guid.NewGuid().ToString("N"));

    public DirectoryTests() => Directory.CreateDirectory(directory);

    public void Dispose()
    {
        File.Delete(directory + "-too");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Two_hundred_steps_take_less_than_five_seconds()
    {
        using var store = Store.Open(directory);
        await using var engine = NewEngine(store);
        OrchestrationTests.Count(engine, 200, () => { });
        await engine.StartAsync(CancellationToken.None);
        var client = engine.CreateClient();

        var watch = Stopwatch.StartNew();
        var done = await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Count"), true).WaitAsync(Patience);

        Assert.Equal(200, done.ReadOutputAs<int>());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"It took {watch.Elapsed}.");
        TestContext.Current.TestOutputHelper?.WriteLine($"200 steps: {watch.Elapsed}");
    }

    [Fact]
    public async Task What_was_under_way_goes_on_after_a_restart()
    {
        var calls = new List<int>();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Register(OrchestrationEngine engine, int hangAt)
        {
            engine.Orchestrator("Steps", async context =>
            {
                for (var step = 0; step < 5; step++)
                    await context.CallActivityAsync("Step", step);
                await context.CreateTimer(TimeSpan.FromMilliseconds(200), CancellationToken.None);
                return await context.WaitForExternalEvent<string>("go");
            });
            engine.Activity<int, int>("Step", async (step, _) =>
            {
                lock (calls)
                    calls.Add(step);
                if (step != hangAt)
                    return 0;
                reached.SetResult();
                await new TaskCompletionSource<int>().Task;
                return 0;
            });
        }

        using (var store = Store.Open(directory))
        {
            var engine = NewEngine(store);
            Register(engine, hangAt: 3);
            await engine.StartAsync(CancellationToken.None);
            var client = engine.CreateClient();
            await client.ScheduleNewOrchestrationInstanceAsync("Steps", new StartOrchestrationOptions("job"));
            await client.RaiseEventAsync("job", "go", "gone");
            await reached.Task.WaitAsync(Patience);
            engine.Kill();
        }

        using (var store = Store.Open(directory))
        {
            await using var engine = NewEngine(store);
            Register(engine, hangAt: -1);
            await engine.StartAsync(CancellationToken.None);
            var done = await engine.CreateClient().WaitForInstanceCompletionAsync("job", true).WaitAsync(Patience);
            Assert.Equal("gone", done.ReadOutputAs<string>());
        }
        Assert.Equal([0, 1, 2, 3, 3, 4], calls);
    }

    [Fact]
    public async Task Two_processes_share_the_work()
    {
        using var mine = Store.Open(directory);
        using var theirs = OpenAsAnotherProcess();
        var (byMe, byThem) = (0, 0);
        var meeting = new Meeting(8);
        void Register(OrchestrationEngine engine, Action count)
        {
            engine.Orchestrator("Many", context => Task.WhenAll(Enumerable.Range(0, 8).Select(_ => context.CallActivityAsync("Meet"))));
            engine.Activity<object, int>("Meet", async (_, _) =>
            {
                count();
                await meeting.ArriveAsync();
                return 0;
            });
        }

        // Eight must be under way at once, and each process has room for four.
        await using var me = NewEngine(mine, activities: 4);
        Register(me, () => Interlocked.Increment(ref byMe));
        await using var them = NewEngine(theirs, activities: 4);
        Register(them, () => Interlocked.Increment(ref byThem));
        await me.StartAsync(CancellationToken.None);
        await them.StartAsync(CancellationToken.None);
        var id = await me.CreateClient().ScheduleNewOrchestrationInstanceAsync("Many");
        await them.CreateClient().WaitForInstanceCompletionAsync(id).WaitAsync(Patience);

        Assert.Equal((4, 4), (byMe, byThem));
    }

    [Fact]
    public async Task A_process_takes_over_at_once_what_a_dead_one_had_locked()
    {
        var mine = Store.Open(directory);
        using var theirs = OpenAsAnotherProcess();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Register(OrchestrationEngine engine, bool hang)
        {
            engine.Orchestrator("One", context => context.CallActivityAsync("Step"));
            engine.Activity<object, int>("Step", async (_, _) =>
            {
                started.TrySetResult();
                if (hang)
                    await new TaskCompletionSource().Task;
                return 0;
            });
        }
        var me = NewEngine(mine);
        Register(me, hang: true);
        await me.StartAsync(CancellationToken.None);
        var id = await me.CreateClient().ScheduleNewOrchestrationInstanceAsync("One");
        await started.Task.WaitAsync(Patience);
        await using var them = NewEngine(theirs);
        Register(them, hang: false);
        await them.StartAsync(CancellationToken.None);
        var waiting = them.CreateClient().WaitForInstanceCompletionAsync(id);

        var watch = Stopwatch.StartNew();
        me.Kill();
        mine.Dispose();
        await waiting.WaitAsync(Patience);

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"It took {watch.Elapsed}; the lock would have lasted a minute.");
    }

    // The same directory by another name is, to the store, another process.
    private Store OpenAsAnotherProcess()
    {
        Directory.CreateSymbolicLink(directory + "-too", directory);
        return Store.Open(directory + "-too");
    }

    private static OrchestrationEngine NewEngine(Store store, int activities = 16) => new(
        store, "hub", TimeProvider.System, new Random(3), NullLoggerFactory.Instance, new EngineOptions { MaxConcurrentActivities = activities });

    private sealed class Meeting(int expected)
    {
        private readonly TaskCompletionSource met = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int arrived;

        public Task ArriveAsync()
        {
            if (Interlocked.Increment(ref arrived) == expected)
                met.SetResult();
            return met.Task;
        }
    }
}
