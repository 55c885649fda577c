using Azure.Data.Tables;
using AzureLocal.ServiceBus;

namespace Unit.Tests.Lanes;

/// <summary>
/// The steps that instances are about to take: each operation of a store is one before it is done and one before its answer is known. The
/// test decides whose is next, and a step of a dead instance is never taken.
/// </summary>
internal sealed class Steps
{
    private readonly Lock gate = new();
    private readonly List<(object Instance, TaskCompletionSource Step)> waiting = [];
    private readonly HashSet<object> dead = [];

    public int Count
    {
        get
        {
            lock (gate)
                return waiting.Count;
        }
    }

    public Task TakeAsync(object instance)
    {
        var step = new TaskCompletionSource(); // goes on on the test's thread
        lock (gate)
        {
            if (!dead.Contains(instance))
                waiting.Add((instance, step));
        }
        return step.Task;
    }

    public void LetOneGo(Random random)
    {
        TaskCompletionSource step;
        lock (gate)
        {
            if (waiting.Count == 0)
                return;
            var index = random.Next(waiting.Count);
            step = waiting[index].Step;
            waiting.RemoveAt(index);
        }
        step.SetResult();
    }

    public void Kill(object instance)
    {
        lock (gate)
        {
            dead.Add(instance);
            waiting.RemoveAll(one => one.Instance == instance);
        }
    }
}

internal sealed class SteppedTables(ITableTransport inner, Steps steps, object instance) : ITableTransport
{
    public string AccountName => inner.AccountName;

    public Uri Endpoint => inner.Endpoint;

    public OperationCounter Operations => inner.Operations;

    public async Task<TableAnswer> SendAsync(TableCall call, CancellationToken cancellation)
    {
        await steps.TakeAsync(instance);
        var answer = await inner.SendAsync(call, CancellationToken.None);
        await steps.TakeAsync(instance);
        return answer;
    }
}

internal sealed class SteppedBroker(IBroker inner, Steps steps, object instance) : IBroker
{
    public OperationCounts Operations => inner.Operations;

    public TimeProvider Time => inner.Time;

    public IBrokerConnection Connect() => new Connection(inner.Connect(), steps, instance);

    public Task<EntityInfo> CreateEntityAsync(EntitySettings settings, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.CreateEntityAsync(settings, rules, cancellation);

    public Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation) => inner.UpdateEntityAsync(settings, cancellation);

    public Task DeleteEntityAsync(string path, CancellationToken cancellation) => inner.DeleteEntityAsync(path, cancellation);

    public Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation) => inner.FindEntityAsync(path, cancellation);

    public Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation) => inner.CreateRuleAsync(subscription, rule, cancellation);

    public Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation) => inner.DeleteRuleAsync(subscription, name, cancellation);

    public Task SetRulesAsync(string subscription, IReadOnlyList<Rule> rules, CancellationToken cancellation) => inner.SetRulesAsync(subscription, rules, cancellation);

    /// <summary>Sends in steps; a test receives by itself.</summary>
    private sealed class Connection(IBrokerConnection inner, Steps steps, object instance) : IBrokerConnection
    {
        public string Id => inner.Id;

        public async Task SendAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation)
        {
            await steps.TakeAsync(instance);
            await inner.SendAsync(entity, messages, CancellationToken.None);
            await steps.TakeAsync(instance);
        }

        public async Task<IReadOnlyList<long>> ScheduleAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation)
        {
            await steps.TakeAsync(instance);
            var numbers = await inner.ScheduleAsync(entity, messages, CancellationToken.None);
            await steps.TakeAsync(instance);
            return numbers;
        }

        public Task CancelScheduledAsync(string entity, IReadOnlyList<long> sequenceNumbers, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<SessionLock> AcceptSessionAsync(string entity, string? sessionId, TimeSpan wait, bool ahead, CancellationToken cancellation) => throw new NotSupportedException();

        public Task RenewSessionAsync(SessionLock session, CancellationToken cancellation) => throw new NotSupportedException();

        public Task ReleaseSessionAsync(SessionLock session, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<byte[]?> GetSessionStateAsync(SessionLock session, CancellationToken cancellation) => throw new NotSupportedException();

        public Task SetSessionStateAsync(SessionLock session, byte[]? state, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<Delivery>> ReceiveAsync(string entity, SessionLock? session, int max, TimeSpan wait, bool delete, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<Delivery>> ReceiveDeferredAsync(string entity, SessionLock? session, IReadOnlyList<long> sequenceNumbers, bool delete, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<IReadOnlyList<Delivery>> PeekAsync(string entity, string? sessionId, long fromSequenceNumber, int max, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<DateTimeOffset> RenewAsync(string entity, Guid lockToken, CancellationToken cancellation) => throw new NotSupportedException();

        public Task SettleAsync(string entity, SessionLock? session, Guid lockToken, Settlement settlement, CancellationToken cancellation) => throw new NotSupportedException();

        public Task CloseAsync() => inner.CloseAsync();

        public Task KillAsync() => inner.KillAsync();
    }
}
