using AzureLocal.Storage;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Contract.Tests.DurableTask;

/// <summary>
/// Engines over one store in memory, on one thread, in virtual time: when nothing is left to do, the clock goes to the next timer.
/// So hours pass in no time, every run is the same, and whatever leaves the thread fails the test.
/// </summary>
internal sealed class DurableWorld : SynchronizationContext
{
    private const int MaxIdleSteps = 100_000;

    private readonly Queue<(SendOrPostCallback Callback, object? State)> posted = new();
    private readonly List<OrchestrationEngine> engines = [];
    private readonly int thread = Environment.CurrentManagedThreadId;
    private bool hasLeft;

    public ManualClock Clock { get; } = new();

    public Store Store { get; } = Store.InMemory();

    /// <summary>The names of the hosts that were killed.</summary>
    public HashSet<string> Dead { get; } = [];

    public static void Run(Func<DurableWorld, Task> body)
    {
        var outer = Current;
        var world = new DurableWorld();
        SetSynchronizationContext(world);
        try
        {
            world.RunToEnd(body(world));
        }
        finally
        {
            SetSynchronizationContext(outer);
            world.Store.Dispose();
        }
    }

    public OrchestrationEngine NewEngine(EngineOptions? options = null, string hub = "hub")
    {
        var engine = new OrchestrationEngine(Store, hub, Clock, new Random(7), NullLoggerFactory.Instance, options ?? new EngineOptions());
        engines.Add(engine);
        return engine;
    }

    /// <summary>A started engine with what <paramref name="register"/> gives it, and its client.</summary>
    public async Task<DurableTaskClient> StartAsync(Action<OrchestrationEngine> register, EngineOptions? options = null)
    {
        var engine = NewEngine(options);
        register(engine);
        await engine.StartAsync(CancellationToken.None);
        return engine.CreateClient();
    }

    /// <summary>A host with a name of its own, which <see cref="Kill"/> can kill.</summary>
    public EngineOptions Host(string name, TimeSpan? lockDuration = null) => new()
    {
        ProcessId = name,
        IsProcessAlive = id => !Dead.Contains(id),
        HasOtherProcesses = () => true,
        LockDuration = lockDuration ?? TimeSpan.FromMinutes(1),
    };

    public void Kill(OrchestrationEngine engine, string name)
    {
        engine.Kill();
        Dead.Add(name);
    }

    public Task DelayAsync(TimeSpan span) => Task.Delay(span, Clock);

    /// <summary>Lets everything happen that can happen now.</summary>
    public Task SettleAsync() => DelayAsync(TimeSpan.FromMilliseconds(1));

    /// <summary>As Assert.ThrowsAnyAsync, which leaves the thread by ConfigureAwait(false).</summary>
    public static async Task ThrowsAsync<T>(Func<Task> call)
        where T : Exception
    {
        try
        {
            await call();
        }
        catch (T)
        {
            return;
        }
        Assert.Fail($"{typeof(T).Name} was expected.");
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        hasLeft |= Environment.CurrentManagedThreadId != thread;
        lock (posted)
            posted.Enqueue((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    private void RunToEnd(Task body)
    {
        for (var idleSteps = 0; !body.IsCompleted; idleSteps++)
        {
            Assert.True(idleSteps < MaxIdleSteps, "Time passes, but the test does not end.");
            while (posted.TryDequeue(out var next))
                next.Callback(next.State);
            if (body.IsCompleted)
                break;
            if (Clock.NextDue is not { } due)
            {
                Assert.Fail("Nothing is left to do, and the test still waits.");
                return;
            }
            Clock.Advance(due - Clock.GetUtcNow());
        }
        Assert.False(hasLeft, "Something went on on another thread.");
        body.GetAwaiter().GetResult();
    }
}
