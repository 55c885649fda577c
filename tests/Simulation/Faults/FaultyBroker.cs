using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;
using Simulation.World;

namespace Simulation.Faults;

/// <summary>The broker as one instance reaches it.</summary>
internal sealed class FaultyBroker(IBroker inner, Network network, WorldState world) : IBroker
{
    private readonly List<FaultyConnection> connections = [];

    public OperationCounts Operations => inner.Operations;

    public TimeProvider Time => network.Process.Clock;

    public IBrokerConnection Connect()
    {
        var connection = new FaultyConnection(inner.Connect(), network, world);
        connections.Add(connection);
        return connection;
    }

    /// <summary>Its process is dead: what it had locked is free again.</summary>
    public async Task BreakAsync()
    {
        foreach (var connection in connections)
            await connection.KillAsync();
    }

    /// <summary>A session that the instance holds is taken from it, and it is not told.</summary>
    public Task<string?> LoseSessionAsync()
    {
        var holding = connections.Where(connection => connection.Sessions.Count > 0).ToArray();
        return holding.Length == 0 ? Task.FromResult<string?>(null) : holding[world.Draw(holding.Length)].LoseSessionAsync();
    }

    public Task<EntityInfo> CreateEntityAsync(EntitySettings settings, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.CreateEntityAsync(settings, rules, cancellation);

    public Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation) => inner.UpdateEntityAsync(settings, cancellation);

    public Task DeleteEntityAsync(string path, CancellationToken cancellation) => inner.DeleteEntityAsync(path, cancellation);

    /// <summary>What the administration client counts by.</summary>
    public Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation) => network.CallAsync(
        Dependency.Bus, $"count {path}", () => inner.FindEntityAsync(path, CancellationToken.None), _ => false,
        () => throw new ServiceBusException("The broker is busy.", ServiceBusFailureReason.ServiceBusy), () => new ServiceBusException("The operation did not complete in time.", ServiceBusFailureReason.ServiceTimeout), cancellation);

    public Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation) => inner.CreateRuleAsync(subscription, rule, cancellation);

    public Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation) => inner.DeleteRuleAsync(subscription, name, cancellation);

    public Task SetRulesAsync(string subscription, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.SetRulesAsync(subscription, rules, cancellation);
}

internal sealed class FaultyConnection(IBrokerConnection inner, Network network, WorldState world) : IBrokerConnection
{
    public string Id => inner.Id;

    /// <summary>What it holds, oldest first.</summary>
    public List<SessionLock> Sessions { get; } = [];

    public Task SendAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation) =>
        ChangeAsync($"send {entity} {Ids(messages)}", () => inner.SendAsync(entity, messages, CancellationToken.None), cancellation);

    public Task<IReadOnlyList<long>> ScheduleAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation) =>
        CallAsync($"schedule {entity} {Ids(messages)}", () => inner.ScheduleAsync(entity, messages, CancellationToken.None), _ => true, cancellation);

    public Task CancelScheduledAsync(string entity, IReadOnlyList<long> sequenceNumbers, CancellationToken cancellation) =>
        ChangeAsync($"cancel {entity}", () => inner.CancelScheduledAsync(entity, sequenceNumbers, CancellationToken.None), cancellation);

    public async Task<SessionLock> AcceptSessionAsync(string entity, string? sessionId, TimeSpan wait, bool ahead, CancellationToken cancellation)
    {
        var session = await CallAsync($"accept {entity}", () => inner.AcceptSessionAsync(entity, sessionId, wait, ahead, cancellation), _ => true, cancellation, once: true);
        Sessions.Add(session);
        return session;
    }

    public Task RenewSessionAsync(SessionLock session, CancellationToken cancellation) =>
        ChangeAsync("renew session", () => inner.RenewSessionAsync(session, CancellationToken.None), cancellation);

    public Task ReleaseSessionAsync(SessionLock session, CancellationToken cancellation)
    {
        Sessions.Remove(session);
        return ChangeAsync("release session", () => inner.ReleaseSessionAsync(session, CancellationToken.None), cancellation);
    }

    public Task<byte[]?> GetSessionStateAsync(SessionLock session, CancellationToken cancellation) =>
        CallAsync("get session state", () => inner.GetSessionStateAsync(session, CancellationToken.None), _ => false, cancellation);

    public Task SetSessionStateAsync(SessionLock session, byte[]? state, CancellationToken cancellation) =>
        ChangeAsync("set session state", () => inner.SetSessionStateAsync(session, state, CancellationToken.None), cancellation);

    public Task<IReadOnlyList<Delivery>> ReceiveAsync(string entity, SessionLock? session, int max, TimeSpan wait, bool delete, CancellationToken cancellation) =>
        CallAsync($"receive {entity}", () => inner.ReceiveAsync(entity, session, max, wait, delete, cancellation), found => found.Count > 0, cancellation, once: true);

    public Task<IReadOnlyList<Delivery>> ReceiveDeferredAsync(string entity, SessionLock? session, IReadOnlyList<long> sequenceNumbers, bool delete, CancellationToken cancellation) =>
        CallAsync($"receive deferred {entity}", () => inner.ReceiveDeferredAsync(entity, session, sequenceNumbers, delete, CancellationToken.None), _ => false, cancellation);

    public Task<IReadOnlyList<Delivery>> PeekAsync(string entity, string? sessionId, long fromSequenceNumber, int max, CancellationToken cancellation) =>
        CallAsync($"peek {entity}", () => inner.PeekAsync(entity, sessionId, fromSequenceNumber, max, CancellationToken.None), _ => false, cancellation);

    public Task<DateTimeOffset> RenewAsync(string entity, Guid lockToken, CancellationToken cancellation) =>
        CallAsync($"renew {entity}", () => inner.RenewAsync(entity, lockToken, CancellationToken.None), _ => true, cancellation);

    public Task SettleAsync(string entity, SessionLock? session, Guid lockToken, Settlement settlement, CancellationToken cancellation) =>
        ChangeAsync($"{settlement.Outcome} {entity}", () => inner.SettleAsync(entity, session, lockToken, settlement, CancellationToken.None), cancellation);

    public Task CloseAsync()
    {
        Sessions.Clear();
        return inner.CloseAsync();
    }

    public Task KillAsync()
    {
        Sessions.Clear();
        return inner.KillAsync();
    }

    public async Task<string?> LoseSessionAsync()
    {
        var session = Sessions[world.Draw(Sessions.Count)];
        try
        {
            await inner.ReleaseSessionAsync(session, CancellationToken.None);
            return session.SessionId;
        }
        catch (ServiceBusException)
        {
            return null; // it was lost already
        }
    }

    private async Task ChangeAsync(string what, Func<Task> call, CancellationToken cancellation) => await CallAsync(
        what,
        async () =>
        {
            await call();
            return true;
        },
        _ => true,
        cancellation);

    /// <param name="what">For the history.</param>
    /// <param name="call">Does it.</param>
    /// <param name="changes">Whether it has changed anything.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="once">An SDK does not repeat it by itself: the message or session that it had taken would be lost to it.</param>
    private Task<T> CallAsync<T>(string what, Func<Task<T>> call, Func<T, bool> changes, CancellationToken cancellation, bool once = false) => network.CallAsync(
        Dependency.Bus, what, call, changes,
        () => throw new ServiceBusException("The broker is busy.", world.Draw(2) == 0 ? ServiceBusFailureReason.ServiceBusy : ServiceBusFailureReason.ServiceCommunicationProblem),
        () => new ServiceBusException("The operation did not complete in time.", ServiceBusFailureReason.ServiceTimeout),
        cancellation, repeats: !once);

    private static string Ids(IReadOnlyList<OutgoingMessage> messages) => string.Join(' ', messages.Select(message => message.MessageId));
}
