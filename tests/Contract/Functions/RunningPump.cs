using Azure.Messaging.ServiceBus;
using AzureLocal.Functions;
using Contract.Tests.ServiceBus;

namespace Contract.Tests.Functions;

/// <summary>A pump at work on the queue "jobs" of a broker in memory; the function is a delegate, and the clock is the test's.</summary>
internal sealed class RunningPump : IAsyncDisposable
{
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource stopping = new();
    private readonly LocalNamespace space;
    private readonly Task running;

    private RunningPump(LocalNamespace space, Func<RunningPump, IPump> make)
    {
        this.space = space;
        running = make(this).RunAsync(stopping.Token);
    }

    public delegate Task Run(ServiceBusDelivery delivery, Probe probe, CancellationToken lockLost);

    public Probe Probe { get; } = new();

    public LogLines Log { get; } = new();

    public static RunningPump OfSessions(LocalNamespace space, int concurrency, Run run, bool autoComplete = true, TimeSpan? longestRenewal = null) =>
        new(space, self => new SessionPump(
            stop => space.Client.AcceptNextSessionAsync("jobs", ServiceBusSessionReceiverOptions.OneByOne, stop),
            self.Runner(run, autoComplete),
            Options(concurrency, longestRenewal),
            space.Clock,
            new Random(1),
            self.Log));

    public static RunningPump OfMessages(
        LocalNamespace space, int concurrency, Run run, bool autoComplete = true, TimeSpan? longestRenewal = null, string queue = "jobs") =>
        new(space, self => new MessagePump(
            space.Client.CreateReceiver(queue),
            self.Runner(run, autoComplete),
            Options(concurrency, longestRenewal),
            space.Clock,
            new Random(1),
            self.Log));

    /// <summary>Moves the clock second by second, and lets the pump act in between, until the function has seen it; returns for how long.</summary>
    public async Task<TimeSpan> AdvanceUntilAsync(string seen, int most = 1_000)
    {
        var until = Probe.Until(seen);
        var passed = 0;
        for (; passed < most && !until.IsCompleted; passed++)
        {
            space.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(until, Task.Delay(1));
        }
        await until;
        return TimeSpan.FromSeconds(passed);
    }

    public async Task StopAsync()
    {
        stopping.Cancel();
        await running.WaitAsync(TestHost.Patience);
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static PumpOptions Options(int concurrency, TimeSpan? longestRenewal) =>
        new("jobs", concurrency, Idle, TimeSpan.FromMinutes(1), longestRenewal ?? TimeSpan.FromMinutes(5));

    private MessageRunner Runner(Run run, bool autoComplete) => new((delivery, lockLost) => run(delivery, Probe, lockLost), autoComplete, Log);
}
