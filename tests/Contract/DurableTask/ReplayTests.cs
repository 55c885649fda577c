using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Logging;

namespace Contract.Tests.DurableTask;

public sealed class ReplayTests
{
    [Fact]
    public void Ids_and_times_are_the_same_in_every_replay() => DurableWorld.Run(async world =>
    {
        var seen = new List<string>();
        var client = await world.StartAsync(engine =>
        {
            engine.Orchestrator("Look", async context =>
            {
                seen.Add($"{context.NewGuid()} {context.NewGuid()} {context.CurrentUtcDateTime:o}");
                await context.CreateTimer(TimeSpan.FromHours(1), CancellationToken.None);
                await context.CallActivityAsync("Nothing");
                return context.CurrentUtcDateTime;
            });
            engine.Activity<object, int>("Nothing", _ => 0);
        });

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Look", new StartOrchestrationOptions("fixed"));
        var done = await client.WaitForInstanceCompletionAsync(id, getInputsAndOutputs: true);

        Assert.Equal(3, seen.Count);
        Assert.Single(seen.Distinct());
        Assert.NotEqual(seen[0].Split(' ')[0], seen[0].Split(' ')[1]);
        Assert.Equal('5', seen[0][14]); // a name-based UUID
        Assert.Equal(new DateTime(2030, 1, 1, 1, 0, 0, DateTimeKind.Utc), done.ReadOutputAs<DateTime>());
    });

    [Fact]
    public void Logs_are_written_once_and_not_in_replays() => DurableWorld.Run(async world =>
    {
        var lines = new Lines();
        var engine = new OrchestrationEngine(world.Store, "hub", world.Clock, new Random(1), lines, new EngineOptions());
        engine.Orchestrator("Talk", async context =>
        {
            var logger = context.CreateReplaySafeLogger("talk");
            logger.LogInformation("one");
            await context.CallActivityAsync("Nothing");
            context.ReplaySafeLoggerFactory.CreateLogger("talk").LogInformation("two");
            await context.CallActivityAsync("Nothing");
            logger.LogInformation("three");
        });
        engine.Activity<object, int>("Nothing", _ => 0);
        await engine.StartAsync(CancellationToken.None);
        var client = engine.CreateClient();

        await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Talk"));

        Assert.Equal(["one", "two", "three"], lines.Written);
    });

    [Theory]
    [InlineData("other activity", "history says a call of activity 'Pay' (task 1), the code asked for a call of activity 'Bill' (task 1)")]
    [InlineData("timer instead", "history says a call of activity 'Pay' (task 1), the code asked for a timer (task 1)")]
    [InlineData("one less", "history says a call of activity 'Pay' (task 1), the code asked for nothing more")]
    [InlineData("returned", "history says a call of activity 'Pay' (task 1), the code asked for nothing more: it had returned")]
    [InlineData("one more", "history says that the turn had ended, the code asked for a call of activity 'Ship' (task 2)")]
    public void Changed_code_is_named_with_the_event_and_both_sides(string change, string difference) => DurableWorld.Run(async world =>
    {
        void Register(OrchestrationEngine engine, string change)
        {
            engine.Orchestrator("Order", async context =>
            {
                await context.CallActivityAsync("Reserve");
                switch (change)
                {
                    case "other activity":
                        await context.CallActivityAsync("Bill");
                        break;
                    case "timer instead":
                        await context.CreateTimer(TimeSpan.FromHours(1), CancellationToken.None);
                        break;
                    case "one less":
                        break;
                    case "returned":
                        return;
                    case "one more":
                        await Task.WhenAll(context.CallActivityAsync("Pay"), context.CallActivityAsync("Ship"));
                        break;
                    default:
                        await context.CallActivityAsync("Pay");
                        break;
                }
                await context.WaitForExternalEvent<string>("go");
            });
            foreach (var name in new[] { "Reserve", "Pay", "Bill", "Ship" })
                engine.Activity<object, int>(name, _ => 0);
        }

        var before = world.NewEngine();
        Register(before, "none");
        await before.StartAsync(CancellationToken.None);
        var client = before.CreateClient();
        var id = await client.ScheduleNewOrchestrationInstanceAsync("Order", new StartOrchestrationOptions("order-1"));
        await world.SettleAsync();
        await before.StopAsync(CancellationToken.None);

        var after = world.NewEngine();
        Register(after, change);
        await after.StartAsync(CancellationToken.None);
        await client.RaiseEventAsync(id, "go");
        var done = await client.WaitForInstanceCompletionAsync(id);

        Assert.Equal(OrchestrationRuntimeStatus.Failed, done.RuntimeStatus);
        Assert.Equal("DurableTask.Core.Exceptions.NonDeterministicOrchestrationException", done.FailureDetails!.ErrorType);
        // Events: 0 turn, 1 start, 2 Reserve, 3 turn, 4 Reserve's result, 5 Pay, 6 turn.
        Assert.Contains(
            $"Non-Deterministic workflow detected: orchestrator 'Order' (instance 'order-1') differs from its history at event {(change == "one more" ? 6 : 5)}: "
            + $"{difference}.",
            done.FailureDetails.ErrorMessage);
    });

    [Theory]
    [InlineData("delay")]
    [InlineData("run")]
    [InlineData("configure await")]
    public async Task Awaiting_what_is_not_durable_fails_with_the_reason(string what)
    {
        // On real threads: such code leaves the orchestrator's thread by its nature.
        using var store = AzureLocal.Storage.Store.InMemory();
        await using var engine = new OrchestrationEngine(
            store, "hub", TimeProvider.System, new Random(1), Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, new EngineOptions());
        var gate = new TaskCompletionSource();
        engine.Orchestrator("Stray", async context =>
        {
            if (what == "delay")
                await gate.Task;
            else if (what == "run")
                await Task.Run(() => gate.Task);
            else
                await context.CallActivityAsync("Nothing").ConfigureAwait(false);
            await context.CallActivityAsync("Nothing");
        });
        engine.Activity<object, int>("Nothing", _ => 0);
        await engine.StartAsync(CancellationToken.None);
        var client = engine.CreateClient();

        var id = await client.ScheduleNewOrchestrationInstanceAsync("Stray");
        var done = await client.WaitForInstanceCompletionAsync(id).WaitAsync(TimeSpan.FromSeconds(10));
        gate.SetResult();

        Assert.Contains("An invalid asynchronous invocation was detected: orchestrator 'Stray'", done.FailureDetails!.ErrorMessage);
    }

    [Fact]
    public void The_context_cannot_be_used_after_its_turn() => DurableWorld.Run(async world =>
    {
        TaskOrchestrationContext? kept = null;
        var client = await world.StartAsync(engine => engine.Orchestrator("Leak", context =>
        {
            kept = context;
            return Task.CompletedTask;
        }));
        await client.WaitForInstanceCompletionAsync(await client.ScheduleNewOrchestrationInstanceAsync("Leak"));

        Assert.Throws<InvalidOperationException>(() => kept!.NewGuid());
        await DurableWorld.ThrowsAsync<InvalidOperationException>(() => kept!.CallActivityAsync("Any"));
    });

    private sealed class Lines : ILoggerFactory, ILogger
    {
        public List<string> Written { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add(formatter(state, exception));
    }
}
