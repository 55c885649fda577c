using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.DependencyInjection;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
using Weir.Testing.Time;

namespace Weir.Testing.Running;

/// <summary>What the triggers do: takes a session, runs its next message, settles it as Weir decides, gives the session back. And brings the dead letters into the catalogue.</summary>
internal sealed class MessagePumps(int sessions, ServiceBusClient bus, IServiceProvider services, Place place, CancellationToken stopping)
{
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly JobRunner runner = services.GetRequiredService<JobRunner>();
    private readonly DeadLetterCollector collector = services.GetRequiredService<DeadLetterCollector>();

    /// <summary>How many messages are being run.</summary>
    public int Running { get; private set; }

    public void Start()
    {
        foreach (var queue in Enum.GetValues<Queue>())
        {
            for (var slot = 0; slot < sessions; slot++)
                _ = GoOnAsync(() => RunNextAsync(queue));
            var dead = bus.CreateReceiver(QueueNames.Of(queue), new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
            _ = GoOnAsync(() => CollectNextAsync(dead, queue));
        }
    }

    private async Task GoOnAsync(Func<Task> next)
    {
        while (!stopping.IsCancellationRequested && !place.IsDead)
        {
            try
            {
                await next();
            }
            catch (ServiceBusException timeout) when (timeout.Reason == ServiceBusFailureReason.ServiceTimeout && !place.IsDead)
            {
                // Nothing came.
            }
            catch (Exception) when (!stopping.IsCancellationRequested && !place.IsDead)
            {
                await Task.Delay(AfterFailure, place.Clock, stopping); // as the host does; a lock that was not given back ends by itself
            }
            catch (Exception)
            {
                return;
            }
        }
    }

    private async Task RunNextAsync(Queue queue)
    {
        await using var session = await bus.AcceptNextSessionAsync(QueueNames.Of(queue), cancellationToken: stopping);
        if (await session.ReceiveMessageAsync(TimeSpan.FromMilliseconds(1), stopping) is not { } message)
            return;
        Running++;
        try
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var renewal = RenewAsync(session, ended);
            var settlement = await runner.RunAsync(message, queue, ended.Token);
            await (settlement switch
            {
                Settlement.Complete => session.CompleteMessageAsync(message, stopping),
                Settlement.DeadLetter dead => session.DeadLetterMessageAsync(message, dead.Reason, dead.Description, stopping),
                _ => Task.CompletedTask,
            });
            await ended.CancelAsync();
            await renewal;
        }
        finally
        {
            Running--;
        }
    }

    /// <summary>Keeps the session while its message runs; when that fails, the message runs elsewhere soon, and is stopped here.</summary>
    private async Task RenewAsync(ServiceBusSessionReceiver session, CancellationTokenSource ended)
    {
        try
        {
            while (true)
            {
                await Task.Delay(RenewEvery, place.Clock, ended.Token);
                await session.RenewSessionLockAsync(ended.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (ServiceBusException lost) when (lost.Reason == ServiceBusFailureReason.SessionLockLost)
        {
            await ended.CancelAsync();
        }
        catch (ServiceBusException)
        {
            // The lock lasts for three renewals. One that cannot be made at all ends in the lock's loss, which the settlement will tell.
        }
    }

    private async Task CollectNextAsync(ServiceBusReceiver dead, Queue queue)
    {
        if (await dead.ReceiveMessageAsync(cancellationToken: stopping) is { } message && await collector.CollectAsync(message, queue, stopping))
            await dead.CompleteMessageAsync(message, stopping);
    }
}
