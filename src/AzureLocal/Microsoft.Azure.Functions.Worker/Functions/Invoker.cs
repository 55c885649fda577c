using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>Runs functions: middleware round each, a token for every reason to stop, the time limit, the log line when one fails.</summary>
internal sealed partial class Invoker
{
    /// <summary>A span for each invocation, when somebody listens; the name is the official worker's.</summary>
    private static readonly ActivitySource Activities = new("Microsoft.Azure.Functions.Worker");

    private readonly IServiceScopeFactory scopes;
    private readonly FunctionExecutionDelegate pipeline;
    private readonly ILoggerFactory loggers;
    private readonly ConcurrentDictionary<string, ILogger> loggerOf = new(StringComparer.Ordinal);
    private readonly TimeSpan? timeout;
    private readonly TimeProvider clock;
    private readonly Random random;
    private readonly CancellationToken stopping;

    /// <param name="scopes">Where each invocation's services come from.</param>
    /// <param name="middleware">In the order in which the app added it, the first outermost.</param>
    /// <param name="loggers">For the lines about failed and timed out functions.</param>
    /// <param name="timeout">host.json's functionTimeout.</param>
    /// <param name="clock">The clock of the time limit.</param>
    /// <param name="random">Where invocation ids come from.</param>
    /// <param name="stopping">Fires when the host begins to stop.</param>
    public Invoker(
        IServiceScopeFactory scopes,
        IEnumerable<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> middleware,
        ILoggerFactory loggers,
        TimeSpan? timeout,
        TimeProvider clock,
        Random random,
        CancellationToken stopping)
    {
        (this.scopes, this.loggers, this.timeout, this.clock, this.random, this.stopping) = (scopes, loggers, timeout, clock, random, stopping);
        pipeline = middleware.Reverse().Aggregate((FunctionExecutionDelegate)ExecuteAsync, (next, wrap) => wrap(next));
    }

    /// <summary>Runs a function and returns what it returned.</summary>
    /// <param name="function">The function.</param>
    /// <param name="trigger">What set it off.</param>
    /// <param name="cancellation">Fires when the cause is gone: the client hung up, the lock is lost.</param>
    public async Task<object?> RunAsync(Function function, object trigger, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stopping);
        var invocation = new Invocation(function, trigger, this, ended.Token);
        await using var _ = invocation;
        await using var limit = timeout is { } time
            ? clock.CreateTimer(_ => EndForTime(invocation, time, ended), null, time, Timeout.InfiniteTimeSpan)
            : null;
        using var activity = Activities.StartActivity(function.Name);
        try
        {
            await pipeline(invocation);
            return invocation.Result;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            Log.Cancelled(LoggerOf(function), function.Name, invocation.InvocationId);
            throw;
        }
        catch (Exception failure)
        {
            activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
            Log.Failed(LoggerOf(function), failure, function.Name, invocation.InvocationId);
            throw;
        }
    }

    /// <summary>
    /// Runs one episode of an orchestrator. It may never come back (an episode that waits is simply dropped), so nothing may
    /// depend on its end: no time limit, no token, and a scope that the garbage collector takes if the episode did not end.
    /// </summary>
    public async Task<object?> RunEpisodeAsync(Function function, object trigger)
    {
        await using var invocation = new Invocation(function, trigger, this, CancellationToken.None);
        await pipeline(invocation);
        return invocation.Result;
    }

    internal AsyncServiceScope CreateScope() => scopes.CreateAsyncScope();

    internal string NextId()
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (random)
            random.NextBytes(bytes);
        return new Guid(bytes).ToString();
    }

    private static Task ExecuteAsync(Microsoft.Azure.Functions.Worker.FunctionContext context)
    {
        var invocation = (Invocation)context;
        try
        {
            var running = invocation.Function.StartAsync(invocation);
            return invocation.Function.HasResult ? KeepResultAsync(invocation, running) : running;
        }
        catch (Exception failure)
        {
            return Task.FromException(failure); // as if its method were async
        }
    }

    private static async Task KeepResultAsync(Invocation invocation, Task running)
    {
        await running;
        invocation.Result = invocation.Function.ResultOf(running);
    }

    private ILogger LoggerOf(Function function) =>
        loggerOf.GetOrAdd(function.Name, static (name, loggers) => loggers.CreateLogger($"Function.{name}"), loggers);

    private void EndForTime(Invocation invocation, TimeSpan time, CancellationTokenSource ended)
    {
        Log.TimedOut(LoggerOf(invocation.Function), time, invocation.Function.Name, invocation.InvocationId);
        try
        {
            ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself at the same moment.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "Function '{Function}' failed (invocation {InvocationId}).")]
        public static partial void Failed(ILogger logger, Exception failure, string function, string invocationId);

        [LoggerMessage(2, LogLevel.Information, "Function '{Function}' was cancelled (invocation {InvocationId}).")]
        public static partial void Cancelled(ILogger logger, string function, string invocationId);

        [LoggerMessage(3, LogLevel.Error, "functionTimeout of {Timeout} exceeded by function '{Function}' ({InvocationId}): its token is cancelled.")]
        public static partial void TimedOut(ILogger logger, TimeSpan timeout, string function, string invocationId);
    }
}
