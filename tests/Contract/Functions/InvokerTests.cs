using AzureLocal.Functions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace Contract.Tests.Functions;

public sealed class InvokerTests
{
    [Fact]
    public async Task The_functionTimeout_fires_the_token_and_is_logged()
    {
        var clock = new ManualClock();
        var log = new LogLines();
        using var services = new ServiceCollection().AddSingleton(new Probe()).BuildServiceProvider();
        var invoker = NewInvoker(services, log, clock, CancellationToken.None);
        var function = TimerFunction("Wait");

        var running = invoker.RunAsync(function, new object(), CancellationToken.None);
        clock.Advance(TimeSpan.FromMinutes(4.9));
        Assert.False(running.IsCompleted);
        clock.Advance(TimeSpan.FromMinutes(0.1));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TestHost.Patience));
        Assert.Contains(log.Lines, line => line.StartsWith("Error: functionTimeout of 00:05:00 exceeded by function 'Wait'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_fires_when_the_host_stops_and_when_the_cause_is_gone()
    {
        using var services = new ServiceCollection().AddSingleton(new Probe()).BuildServiceProvider();
        foreach (var stops in (bool[])[true, false])
        {
            using var stopping = new CancellationTokenSource();
            using var gone = new CancellationTokenSource();
            var running = NewInvoker(services, new LogLines(), new ManualClock(), stopping.Token).RunAsync(TimerFunction("Wait"), new object(), gone.Token);
            Assert.False(running.IsCompleted);
            (stops ? stopping : gone).Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TestHost.Patience));
        }
    }

    [Theory]
    [InlineData("Void", null)]
    [InlineData("Text", "text")]
    [InlineData("Number", 7)]
    [InlineData("Task", null)]
    [InlineData("TaskOfNumber", 8)]
    [InlineData("ValueTask", null)]
    [InlineData("ValueTaskOfText", "later")]
    public async Task All_shapes_of_methods_are_called_and_waited_for(string name, object? result)
    {
        using var services = new ServiceCollection().AddSingleton(new Probe()).BuildServiceProvider();

        Assert.Equal(result, await NewInvoker(services, new LogLines(), new ManualClock(), CancellationToken.None).RunAsync(TimerFunction(name), new object(), CancellationToken.None));
        Assert.Equal(name, services.GetRequiredService<Probe>().Seen.Single());
    }

    [Fact]
    public async Task The_same_chance_makes_the_same_invocation_ids()
    {
        var ids = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var services = new ServiceCollection().AddSingleton(new Probe()).BuildServiceProvider();
            await NewInvoker(services, new LogLines(), new ManualClock(), CancellationToken.None).RunAsync(TimerFunction("Id"), new object(), CancellationToken.None);
            ids.Add(services.GetRequiredService<Probe>().Seen.Single());
        }
        Assert.Equal(ids[0], ids[1]);
    }

    private static Invoker NewInvoker(IServiceProvider services, LogLines log, TimeProvider clock, CancellationToken stopping) => new(
        services.GetRequiredService<IServiceScopeFactory>(), [], new Loggers(log), TimeSpan.FromMinutes(5), clock, new Random(7), stopping);

    private static Function TimerFunction(string name)
    {
        var found = FunctionCatalog.Find([typeof(Shapes)]).Single(function => function.Name == name);
        return new Function(found, _ => _ => null, parameter =>
            parameter.ParameterType == typeof(CancellationToken) ? invocation => invocation.CancellationToken
            : parameter.ParameterType == typeof(FunctionContext) ? invocation => invocation
            : null);
    }

    private sealed class Loggers(LogLines log) : Microsoft.Extensions.Logging.ILoggerFactory
    {
        public void AddProvider(Microsoft.Extensions.Logging.ILoggerProvider provider)
        {
        }

        public Microsoft.Extensions.Logging.ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }

    public sealed class Shapes(Probe probe)
    {
        [Function("Wait")]
        public static Task Wait([TimerTrigger("")] TimerInfo timer, CancellationToken cancellation) => System.Threading.Tasks.Task.Delay(Timeout.InfiniteTimeSpan, cancellation);

        [Function("Id")]
        public void Id([TimerTrigger("")] TimerInfo timer, FunctionContext context) => probe.See(context.InvocationId);

        [Function("Void")]
        public void Void([TimerTrigger("")] TimerInfo timer) => probe.See("Void");

        [Function("Text")]
        public string Text([TimerTrigger("")] TimerInfo timer)
        {
            probe.See("Text");
            return "text";
        }

        [Function("Number")]
        public int Number([TimerTrigger("")] TimerInfo timer)
        {
            probe.See("Number");
            return 7;
        }

        [Function("Task")]
        public async Task Task([TimerTrigger("")] TimerInfo timer)
        {
            await System.Threading.Tasks.Task.Yield();
            probe.See("Task");
        }

        [Function("TaskOfNumber")]
        public async Task<int> TaskOfNumber([TimerTrigger("")] TimerInfo timer)
        {
            await System.Threading.Tasks.Task.Yield();
            probe.See("TaskOfNumber");
            return 8;
        }

        [Function("ValueTask")]
        public async ValueTask ValueTask([TimerTrigger("")] TimerInfo timer)
        {
            await System.Threading.Tasks.Task.Yield();
            probe.See("ValueTask");
        }

        [Function("ValueTaskOfText")]
        public async ValueTask<string> ValueTaskOfText([TimerTrigger("")] TimerInfo timer)
        {
            await System.Threading.Tasks.Task.Yield();
            probe.See("ValueTaskOfText");
            return "later";
        }
    }
}
