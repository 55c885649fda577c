using System.Reflection;
using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>The functions that messages run, and the connections that they come over: one client for each connection string.</summary>
internal sealed class ServiceBusTriggers(
    ServiceBusOptions options, IConfiguration configuration, string directory, TimeProvider clock, Random random) : IAsyncDisposable
{
    /// <summary>Queues, topics and subscriptions in the official emulator's format, made at start if they are missing.</summary>
    private const string EntitiesFile = "servicebus.json";

    private readonly List<Trigger> triggers = [];
    private readonly Dictionary<string, ServiceBusClient> clients = new(StringComparer.Ordinal);

    public int Count => triggers.Count;

    public static Func<ParameterInfo, Binder?> Bind(FoundFunction function, ServiceBusTriggerAttribute trigger) =>
        parameter => ServiceBusDelivery.Bind(function, trigger.IsSessionsEnabled, parameter);

    public void Add(FoundFunction found, Function function, ServiceBusTriggerAttribute trigger)
    {
        if (trigger.IsBatched)
            throw found.Refuse("IsBatched is not supported in the local build: take one message at a time.");
        var entity = trigger.QueueName is { } queue
            ? Resolve(queue)
            : EntityPaths.Subscription(Resolve(trigger.TopicName!), Resolve(trigger.SubscriptionName!));
        if (trigger.IsSessionsEnabled && entity.EndsWith("$deadletterqueue", StringComparison.OrdinalIgnoreCase))
            throw found.Refuse("a dead-letter queue has no sessions, not even that of a queue which has: IsSessionsEnabled must be false.");
        var connection = configuration.Connection(trigger.Connection, found.Name);
        triggers.Add(new Trigger(function, entity, connection, trigger.IsSessionsEnabled, AutoComplete(found, trigger)));

        string Resolve(string text) => configuration.Resolve(text, $"Function {found.Name}, ServiceBusTrigger");
    }

    /// <summary>Makes the entities of servicebus.json, before anything can send to them.</summary>
    public async Task CreateEntitiesAsync(CancellationToken cancellation)
    {
        var file = Path.Combine(directory, EntitiesFile);
        if (!File.Exists(file))
            return;
        var ownConnection = configuration.Connection(ConnectionSettings.ServiceBus, EntitiesFile); // of an app that only sends
        foreach (var connection in triggers.Select(trigger => trigger.Connection).Append(ownConnection).Distinct())
        {
            using var local = LocalBroker.Open(connection);
            try
            {
                await EntityConfig.ApplyAsync(local.Broker, file, cancellation);
            }
            catch (Exception failure) when (failure is InvalidDataException or NotSupportedException or InvalidOperationException)
            {
                throw new StartRefusedException($"{file}: {failure.Message}");
            }
        }
    }

    public IEnumerable<IPump> Pumps(Invoker invoker, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("Host.ServiceBus");
        foreach (var trigger in triggers)
        {
            var client = Client(trigger.Connection);
            var function = trigger.Function;
            var runner = new MessageRunner((delivery, lockLost) => invoker.RunAsync(function, delivery, lockLost), trigger.AutoComplete, logger);
            var pump = new PumpOptions(
                trigger.Entity,
                trigger.Sessions ? options.MaxConcurrentSessions : options.MaxConcurrentCalls,
                options.SessionIdleTimeout,
                options.TryTimeout,
                options.MaxAutoLockRenewalDuration);
            yield return trigger.Sessions
                ? new SessionPump(stop => client.AcceptNextSessionAsync(trigger.Entity, ServiceBusSessionReceiverOptions.OneByOne, stop), runner, pump, clock, random, logger)
                : new MessagePump(client.CreateReceiver(trigger.Entity), runner, pump, clock, random, logger);
        }
    }

    /// <summary>Frees whatever is still locked.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients.Values)
            await client.DisposeAsync();
    }

    private ServiceBusClient Client(string connection)
    {
        if (!clients.TryGetValue(connection, out var client))
        {
            client = new ServiceBusClient(connection, new ServiceBusClientOptions { RetryOptions = { TryTimeout = options.TryTimeout } });
            clients.Add(connection, client);
        }
        return client;
    }

    /// <summary>The attribute's value if it was written there, even as false; host.json's otherwise.</summary>
    private bool AutoComplete(FoundFunction found, ServiceBusTriggerAttribute trigger) =>
        found.Parameter.CustomAttributes
            .Single(attribute => attribute.AttributeType == typeof(ServiceBusTriggerAttribute)).NamedArguments
            .Any(argument => argument.MemberName == nameof(ServiceBusTriggerAttribute.AutoCompleteMessages))
            ? trigger.AutoCompleteMessages
            : options.AutoCompleteMessages;

    private sealed record Trigger(Function Function, string Entity, string Connection, bool Sessions, bool AutoComplete);
}
