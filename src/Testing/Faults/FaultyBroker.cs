using Azure.Messaging.ServiceBus;
using AzureLocal.ServiceBus;
using Weir.Testing.Time;

namespace Weir.Testing.Faults;

/// <summary>The broker as one instance reaches it. What it waits for (sessions, messages) is not among what fails.</summary>
internal sealed class FaultyBroker(IBroker inner, Place place, Place outside, Dependency bus) : IBroker
{
    private readonly List<IBrokerConnection> connections = [];

    public OperationCounts Operations => inner.Operations;

    public TimeProvider Time => place.Clock;

    public IBrokerConnection Connect()
    {
        var connection = inner.Connect();
        connections.Add(connection);
        return new FaultyConnection(connection, place, outside, bus);
    }

    /// <summary>Its process is dead: what it had locked is free again.</summary>
    public async Task BreakAsync()
    {
        foreach (var connection in connections)
            await connection.KillAsync();
        connections.Clear();
    }

    public Task<EntityInfo> CreateEntityAsync(EntitySettings settings, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.CreateEntityAsync(settings, rules, cancellation);

    public Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation) => inner.UpdateEntityAsync(settings, cancellation);

    public Task DeleteEntityAsync(string path, CancellationToken cancellation) => inner.DeleteEntityAsync(path, cancellation);

    public Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation) => inner.FindEntityAsync(path, cancellation);

    public Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation) => inner.CreateRuleAsync(subscription, rule, cancellation);

    public Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation) => inner.DeleteRuleAsync(subscription, name, cancellation);

    public Task SetRulesAsync(string subscription, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.SetRulesAsync(subscription, rules, cancellation);

    private sealed class FaultyConnection(IBrokerConnection inner, Place place, Place outside, Dependency bus) : IBrokerConnection
    {
        public string Id => inner.Id;

        public Task SendAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation) =>
            ChangeAsync($"Send {entity}", () => inner.SendAsync(entity, messages, CancellationToken.None), cancellation);

        public Task<IReadOnlyList<long>> ScheduleAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation) =>
            CallAsync($"Schedule {entity}", () => inner.ScheduleAsync(entity, messages, CancellationToken.None), cancellation);

        public Task CancelScheduledAsync(string entity, IReadOnlyList<long> sequenceNumbers, CancellationToken cancellation) =>
            ChangeAsync($"CancelScheduled {entity}", () => inner.CancelScheduledAsync(entity, sequenceNumbers, CancellationToken.None), cancellation);

        public Task<SessionLock> AcceptSessionAsync(string entity, string? sessionId, TimeSpan wait, CancellationToken cancellation) =>
            WaitAsync(() => inner.AcceptSessionAsync(entity, sessionId, wait, cancellation));

        public Task RenewSessionAsync(SessionLock session, CancellationToken cancellation) =>
            ChangeAsync($"RenewSession {session.Entity}", () => inner.RenewSessionAsync(session, CancellationToken.None), cancellation);

        public Task ReleaseSessionAsync(SessionLock session, CancellationToken cancellation) =>
            ChangeAsync($"ReleaseSession {session.Entity}", () => inner.ReleaseSessionAsync(session, CancellationToken.None), cancellation);

        public Task<byte[]?> GetSessionStateAsync(SessionLock session, CancellationToken cancellation) => inner.GetSessionStateAsync(session, cancellation);

        public Task SetSessionStateAsync(SessionLock session, byte[]? state, CancellationToken cancellation) => inner.SetSessionStateAsync(session, state, cancellation);

        public Task<IReadOnlyList<Delivery>> ReceiveAsync(string entity, SessionLock? session, int max, TimeSpan wait, bool delete, CancellationToken cancellation) =>
            WaitAsync(() => inner.ReceiveAsync(entity, session, max, wait, delete, cancellation));

        public Task<IReadOnlyList<Delivery>> ReceiveDeferredAsync(string entity, SessionLock? session, IReadOnlyList<long> sequenceNumbers, bool delete, CancellationToken cancellation) =>
            inner.ReceiveDeferredAsync(entity, session, sequenceNumbers, delete, cancellation);

        public Task<IReadOnlyList<Delivery>> PeekAsync(string entity, string? sessionId, long fromSequenceNumber, int max, CancellationToken cancellation) =>
            inner.PeekAsync(entity, sessionId, fromSequenceNumber, max, cancellation);

        public Task<DateTimeOffset> RenewAsync(string entity, Guid lockToken, CancellationToken cancellation) =>
            CallAsync($"Renew {entity}", () => inner.RenewAsync(entity, lockToken, CancellationToken.None), cancellation);

        public Task SettleAsync(string entity, SessionLock? session, Guid lockToken, Settlement settlement, CancellationToken cancellation) =>
            ChangeAsync($"{settlement.Outcome} {entity}", () => inner.SettleAsync(entity, session, lockToken, settlement, CancellationToken.None), cancellation);

        public Task CloseAsync() => place.IsDead ? Task.CompletedTask : inner.CloseAsync();

        public Task KillAsync() => inner.KillAsync();

        /// <summary>The broker's own part of a wait is not of this place: it must go on, and end, when the place is dead, or what comes next would be for nobody.</summary>
        private Task<T> WaitAsync<T>(Func<Task<T>> wait) => place.IsDead ? Place.NeverAsync<T>() : outside.Begin(wait);

        private async Task ChangeAsync(string call, Func<Task> send, CancellationToken cancellation) => await CallAsync(
            call,
            async () =>
            {
                await send();
                return true;
            },
            cancellation);

        private Task<T> CallAsync<T>(string call, Func<Task<T>> send, CancellationToken cancellation) => bus.CallAsync(
            place, call, send, static () => throw new ServiceBusException("The broker is busy (as the test wants it).", ServiceBusFailureReason.ServiceBusy),
            static () => new ServiceBusException("The operation did not complete in time (as the test wants it).", ServiceBusFailureReason.ServiceTimeout), cancellation);
    }
}
