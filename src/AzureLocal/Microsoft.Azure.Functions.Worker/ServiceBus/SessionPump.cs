using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <param name="Entity">For the log.</param>
/// <param name="Concurrency">How many sessions, or messages of a queue without sessions, are in work at once.</param>
/// <param name="IdleTimeout">How long a session is kept after its last message.</param>
/// <param name="TryTimeout">How long one receive waits.</param>
/// <param name="LongestRenewal">How long the host renews the lock of one message.</param>
internal sealed record PumpOptions(string Entity, int Concurrency, TimeSpan IdleTimeout, TimeSpan TryTimeout, TimeSpan LongestRenewal);

/// <summary>
/// Serves the sessions of one entity: each slot takes a session, runs its messages one by one, and gives it back when nothing
/// has come for the idle time, when the function asks for it, and when the host stops.
/// </summary>
internal sealed partial class SessionPump(
    Func<CancellationToken, Task<ServiceBusSessionReceiver>> accept,
    MessageRunner runner,
    PumpOptions options,
    TimeProvider clock,
    Random random,
    ILogger logger) : IPump
{
    /// <summary>
    /// How many slots ask for a session at once. Hundreds of idle slots need not all wait at the broker; one alone would take no
    /// more than a session per commit of the store, some 500 a second.
    /// </summary>
    private const int MostAcceptors = 8;

    /// <summary>An accept that finds nothing waits for its time-out; one that comes back faster than this has failed.</summary>
    private static readonly TimeSpan SoonestTimeout = TimeSpan.FromSeconds(1);

    private readonly Slots slots = new(options.Concurrency);
    private DateTimeOffset nextLog = DateTimeOffset.MinValue;

    public async Task RunAsync(CancellationToken stopping)
    {
        await Task.WhenAll(Enumerable.Range(0, Math.Min(MostAcceptors, options.Concurrency)).Select(_ => AcceptAsync(stopping)));
        await slots.WhenAllFreeAsync();
    }

    private async Task AcceptAsync(CancellationToken stopping)
    {
        var backoff = new Backoff(clock, random);
        while (!stopping.IsCancellationRequested)
        {
            var asked = clock.GetUtcNow();
            try
            {
                if (await TakeSessionAsync(stopping) is { } session)
                {
                    _ = ServeAsync(session, stopping);
                    backoff.Reset();
                }
                else if (clock.GetUtcNow() - asked < SoonestTimeout)
                {
                    await backoff.WaitAsync(backoff.Next(), stopping);
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                var delay = backoff.Next();
                Complain(failure, delay);
                await backoff.WaitAsync(delay, stopping);
            }
        }
    }

    /// <summary>Waits for a slot and then for a session; null when none came in time. The slot goes with the session.</summary>
    private async Task<ServiceBusSessionReceiver?> TakeSessionAsync(CancellationToken stopping)
    {
        await slots.TakeAsync(1, stopping);
        ServiceBusSessionReceiver? session = null;
        try
        {
            session = await accept(stopping);
            return session;
        }
        catch (ServiceBusException nothing) when (nothing.Reason == ServiceBusFailureReason.ServiceTimeout)
        {
            return null;
        }
        finally
        {
            if (session is null)
                slots.Release();
        }
    }

    private async Task ServeAsync(ServiceBusSessionReceiver session, CancellationToken stopping)
    {
        try
        {
            await using var keeper = new LockKeeper(
                new LockName("session", session.SessionId, options.Entity),
                () => session.SessionLockedUntil,
                session.RenewSessionLockAsync,
                options.LongestRenewal,
                clock,
                logger);
            await RunMessagesAsync(session, keeper, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nothing was in work.
        }
        catch (ServiceBusException failure) when (failure.Reason == ServiceBusFailureReason.SessionLockLost)
        {
            Log.SessionLost(logger, session.SessionId, options.Entity);
        }
        catch (Exception failure)
        {
            Log.SessionFailed(logger, failure, session.SessionId, options.Entity);
        }
        finally
        {
            await CloseAsync(session);
            slots.Release();
        }
    }

    private async Task RunMessagesAsync(ServiceBusSessionReceiver session, LockKeeper keeper, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested && !keeper.Lost.IsCancellationRequested)
        {
            if (await session.ReceiveMessageAsync(options.IdleTimeout, stopping) is not { } message)
                return;
            keeper.Restart();
            var delivery = await runner.RunAsync(session, message, keeper.Lost);
            if (delivery.ReleasesSession)
                return;
            keeper.Restart();
        }
    }

    private async Task CloseAsync(ServiceBusSessionReceiver session)
    {
        try
        {
            await session.CloseAsync(CancellationToken.None);
        }
        catch (Exception failure)
        {
            Log.NotReleased(logger, failure, session.SessionId, options.Entity);
        }
    }

    /// <summary>All acceptors fail together, so one line speaks for them.</summary>
    private void Complain(Exception failure, TimeSpan delay)
    {
        var now = clock.GetUtcNow();
        if (now < nextLog)
            return;
        nextLog = now + delay;
        Log.AcceptFailed(logger, options.Entity, delay, failure.Message);
    }

    private static partial class Log
    {
        [LoggerMessage(23, LogLevel.Error, "No session of {Entity} could be accepted; next try in {Delay}: {Failure}")]
        public static partial void AcceptFailed(ILogger logger, string entity, TimeSpan delay, string failure);

        [LoggerMessage(24, LogLevel.Information, "The lock of session {SessionId} of {Entity} is lost; its messages go to whoever takes it next.")]
        public static partial void SessionLost(ILogger logger, string sessionId, string entity);

        [LoggerMessage(25, LogLevel.Error, "Session {SessionId} of {Entity} is given back after an error.")]
        public static partial void SessionFailed(ILogger logger, Exception failure, string sessionId, string entity);

        [LoggerMessage(26, LogLevel.Warning, "Session {SessionId} of {Entity} could not be given back: its lock must run out first.")]
        public static partial void NotReleased(ILogger logger, Exception failure, string sessionId, string entity);
    }
}
