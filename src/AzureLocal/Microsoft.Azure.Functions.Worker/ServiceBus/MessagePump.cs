using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>
/// Serves a queue, subscription or dead-letter queue without sessions: fetches as many messages as there are free slots, and no
/// more, since a fetched one is locked.
/// </summary>
internal sealed partial class MessagePump(
    ServiceBusReceiver receiver, MessageRunner runner, PumpOptions options, TimeProvider clock, Random random, ILogger logger) : IPump
{
    /// <summary>A receive that finds nothing waits for its time-out; one that comes back faster than this has failed.</summary>
    private static readonly TimeSpan SoonestTimeout = TimeSpan.FromSeconds(1);

    private readonly Slots slots = new(options.Concurrency);

    public async Task RunAsync(CancellationToken stopping)
    {
        var backoff = new Backoff(clock, random);
        while (!stopping.IsCancellationRequested)
        {
            var asked = clock.GetUtcNow();
            try
            {
                if (await ReceiveAsync(stopping) > 0)
                    backoff.Reset();
                else if (clock.GetUtcNow() - asked < SoonestTimeout)
                    await backoff.WaitAsync(backoff.Next(), stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception failure)
            {
                var delay = backoff.Next();
                Log.ReceiveFailed(logger, options.Entity, delay, failure.Message);
                await backoff.WaitAsync(delay, stopping);
            }
        }
        await slots.WhenAllFreeAsync();
        await receiver.CloseAsync(CancellationToken.None);
    }

    private async Task<int> ReceiveAsync(CancellationToken stopping)
    {
        var places = await slots.TakeAsync(options.Concurrency, stopping);
        try
        {
            var messages = await receiver.ReceiveMessagesAsync(places, options.TryTimeout, stopping);
            foreach (var message in messages)
            {
                places--;
                _ = RunAsync(message);
            }
            return messages.Count;
        }
        finally
        {
            slots.Release(places);
        }
    }

    private async Task RunAsync(ServiceBusReceivedMessage message)
    {
        try
        {
            await using var keeper = new LockKeeper(
                new LockName("message", message.MessageId, options.Entity),
                () => message.LockedUntil,
                token => receiver.RenewMessageLockAsync(message, token),
                options.LongestRenewal,
                clock,
                logger);
            await runner.RunAsync(receiver, message, keeper.Lost);
        }
        catch (Exception failure)
        {
            Log.MessageFailed(logger, failure, message.MessageId, options.Entity);
        }
        finally
        {
            slots.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(27, LogLevel.Error, "No message of {Entity} could be received; next try in {Delay}: {Failure}")]
        public static partial void ReceiveFailed(ILogger logger, string entity, TimeSpan delay, string failure);

        [LoggerMessage(28, LogLevel.Error, "Message {MessageId} of {Entity} is left to its lock's end after an error.")]
        public static partial void MessageFailed(ILogger logger, Exception failure, string? messageId, string entity);
    }
}
