using Azure.Messaging.ServiceBus;

namespace AzureLocal.ServiceBus;

/// <summary>A client's connection: its id is in every lock that it takes. Here a transaction's answer becomes a result or an exception.</summary>
internal sealed class BrokerConnection(Broker broker, string id) : IBrokerConnection
{
    /// <summary>The longest that a timer takes; a wait beyond it is for ever in any case.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(40);

    private readonly CancellationTokenSource ended = new();
    private volatile bool isBroken;

    public string Id => id;

    public async Task SendAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation)
    {
        ThrowIfEnded();
        ThrowIfTooLarge(entity, messages);
        await broker.WriteAsync(transaction => Sending.Send(transaction, entity, messages), cancellation);
        broker.Operations.Add("Send", messages.Count);
    }

    public async Task<IReadOnlyList<long>> ScheduleAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation)
    {
        ThrowIfEnded();
        ThrowIfTooLarge(entity, messages);
        var numbers = await broker.WriteAsync(transaction => Sending.Send(transaction, entity, messages), cancellation);
        broker.Operations.Add("Schedule", messages.Count);
        return numbers;
    }

    public async Task CancelScheduledAsync(string entity, IReadOnlyList<long> sequenceNumbers, CancellationToken cancellation)
    {
        ThrowIfEnded();
        await broker.WriteAsync(
            transaction =>
            {
                Sending.Cancel(transaction, entity, sequenceNumbers);
                return true;
            },
            cancellation);
        broker.Operations.Add("CancelScheduled", sequenceNumbers.Count);
    }

    public async Task<SessionLock> AcceptSessionAsync(string entity, string? sessionId, TimeSpan wait, bool ahead, CancellationToken cancellation)
    {
        ThrowIfEnded();
        var session = sessionId is null
            ? await WaitForAsync(await BoxLineAsync(entity), transaction => Receiving.AcceptNext(transaction, entity, id, ahead), wait, cancellation)
            : await broker.WriteAsync(transaction => Receiving.Accept(transaction, entity, sessionId, id), cancellation);
        broker.Operations.Add(session is null ? "AcceptSessionEmpty" : "AcceptSession");
        return session ?? throw (sessionId is null ? Errors.NoSession(entity, wait) : Errors.SessionCannotBeLocked(entity, sessionId));
    }

    public async Task RenewSessionAsync(SessionLock session, CancellationToken cancellation)
    {
        ThrowIfEnded();
        var until = await broker.WriteAsync(transaction => Settling.RenewSession(transaction, session, id), cancellation);
        broker.Operations.Add("RenewSession");
        session.LockedUntil = new DateTimeOffset(until ?? throw Errors.SessionLockLost(session), TimeSpan.Zero);
    }

    public async Task ReleaseSessionAsync(SessionLock session, CancellationToken cancellation)
    {
        ThrowIfEnded();
        await broker.WriteAsync(transaction => Settling.ReleaseSession(transaction, session, id), cancellation);
        broker.Operations.Add("ReleaseSession");
    }

    public async Task<byte[]?> GetSessionStateAsync(SessionLock session, CancellationToken cancellation)
    {
        ThrowIfEnded();
        var (isHeld, state) = await broker.WriteAsync(
            transaction => Sessions.IsHeld(transaction, session, id) ? (true, Sessions.ReadState(transaction.Database, session.Line)) : (false, null), cancellation);
        broker.Operations.Add("GetSessionState");
        return isHeld ? state : throw Errors.SessionLockLost(session);
    }

    public async Task SetSessionStateAsync(SessionLock session, byte[]? state, CancellationToken cancellation)
    {
        ThrowIfEnded();
        if (state?.Length > MessageFormat.MaxBytes)
            throw Errors.MessageTooLarge(session.Entity, $"The session state has {state.Length} bytes, {MessageFormat.MaxBytes} are allowed.");
        var isHeld = await broker.WriteAsync(
            transaction =>
            {
                var isHeld = Sessions.IsHeld(transaction, session, id);
                if (isHeld)
                    Sessions.WriteState(transaction.Database, session.Line, state);
                return isHeld;
            },
            cancellation);
        broker.Operations.Add("SetSessionState");
        if (!isHeld)
            throw Errors.SessionLockLost(session);
    }

    public async Task<IReadOnlyList<Delivery>> ReceiveAsync(
        string entity, SessionLock? session, int max, TimeSpan wait, bool delete, CancellationToken cancellation)
    {
        ThrowIfEnded();
        if (session?.TakeAhead(broker.Time.GetUtcNow()) is { Count: > 0 } ahead)
        {
            broker.Operations.Add("Receive", ahead.Count);
            return ahead.ConvertAll(static message => message.ToDelivery());
        }
        var line = session?.Line ?? await BoxLineAsync(entity);
        var found = await WaitForAsync(line, transaction => Look.At(Receiving.Take(transaction, entity, session, max, delete, id)), wait, cancellation);
        var messages = found is null ? [] : found.Messages ?? throw Errors.SessionLockLost(session!);
        broker.Operations.Add(messages.Count == 0 ? "ReceiveEmpty" : "Receive", Math.Max(1, messages.Count));
        return messages.ConvertAll(static message => message.ToDelivery());
    }

    public async Task<IReadOnlyList<Delivery>> ReceiveDeferredAsync(
        string entity, SessionLock? session, IReadOnlyList<long> sequenceNumbers, bool delete, CancellationToken cancellation)
    {
        ThrowIfEnded();
        var messages = await broker.WriteAsync(
            transaction => Receiving.TakeDeferred(transaction, entity, session, sequenceNumbers, delete, id), cancellation);
        broker.Operations.Add("ReceiveDeferred", sequenceNumbers.Count);
        return (messages ?? throw Errors.SessionLockLost(session!)).ConvertAll(static message => message.ToDelivery());
    }

    public async Task<IReadOnlyList<Delivery>> PeekAsync(
        string entity, string? sessionId, long fromSequenceNumber, int max, CancellationToken cancellation)
    {
        ThrowIfEnded();
        cancellation.ThrowIfCancellationRequested();
        var messages = await broker.ReadAsync(database => Receiving.Peek(database, entity, sessionId, fromSequenceNumber, max));
        broker.Operations.Add("Peek", Math.Max(1, messages.Count));
        return messages.ConvertAll(static message => message.ToDelivery(isPeek: true));
    }

    public async Task<DateTimeOffset> RenewAsync(string entity, Guid lockToken, CancellationToken cancellation)
    {
        ThrowIfEnded();
        var until = await broker.WriteAsync(transaction => Settling.Renew(transaction, lockToken, id), cancellation);
        broker.Operations.Add("RenewMessage");
        return new DateTimeOffset(until ?? throw Errors.MessageLockLost(entity), TimeSpan.Zero);
    }

    public async Task SettleAsync(string entity, SessionLock? session, Guid lockToken, Settlement settlement, CancellationToken cancellation)
    {
        ThrowIfEnded();
        if (settlement.Outcome == Outcome.DeadLetter && EntityPaths.Parse(entity).IsDeadLetter)
            throw new InvalidOperationException($"A message cannot be dead-lettered from the dead-letter queue '{entity}': complete, abandon or defer it.");
        var content = settlement.HasChanges ? await broker.ReadAsync(database => Settling.Changed(database, lockToken, settlement)) : null;
        if (content?.Length > MessageFormat.MaxBytes)
            throw Errors.MessageTooLarge(entity, $"With its changed properties the message has {content.Length} bytes, {MessageFormat.MaxBytes} are allowed.");
        var result = session is { ReadsAhead: true } && settlement.Outcome == Outcome.Complete
            ? await CompleteAndReadAheadAsync(entity, session, lockToken, content, cancellation)
            : await broker.WriteAsync(transaction => Settling.Settle(transaction, session, lockToken, settlement.Outcome, content, id), cancellation);
        broker.Operations.Add(NameOf(settlement.Outcome));
        if (result == SettleResult.SessionLockLost)
            throw Errors.SessionLockLost(session!);
        if (result == SettleResult.MessageLockLost)
            throw Errors.MessageLockLost(entity);
    }

    private async Task<SettleResult> CompleteAndReadAheadAsync(string entity, SessionLock session, Guid lockToken, byte[]? content, CancellationToken cancellation)
    {
        var (result, next) = await broker.WriteAsync(
            transaction =>
            {
                var result = Settling.Settle(transaction, session, lockToken, Outcome.Complete, content, id);
                return (result, result == SettleResult.Done ? Receiving.TakeNext(transaction, entity, session) : []);
            },
            cancellation);
        if (result == SettleResult.Done)
            session.Ahead = next; // a second try of a completion whose answer was lost must not drop what the first one read ahead
        return result;
    }

    private static string NameOf(Outcome outcome) => outcome == Outcome.Complete ? nameof(Outcome.Complete) : outcome.ToString();

    public Task CloseAsync() => EndAsync(isFailure: false);

    public Task KillAsync()
    {
        isBroken = true;
        return EndAsync(isFailure: true);
    }

    private async Task EndAsync(bool isFailure)
    {
        if (ended.IsCancellationRequested)
            return;
        ended.Cancel();
        try
        {
            await broker.WriteAsync(
                transaction =>
                {
                    DueWork.Free(transaction, owner => owner == id, isFailure);
                    return true;
                },
                CancellationToken.None);
        }
        catch (ServiceBusException unreachable) when (unreachable.InnerException is Storage.StoreException)
        {
            // As when a network goes away before a client does: what it held is free when its locks end, or with its process.
        }
    }

    /// <summary>Looks for something in the line, again whenever something may be there, until the time is over.</summary>
    private async Task<T?> WaitForAsync<T>(long line, Func<Transaction, T?> look, TimeSpan wait, CancellationToken cancellation) where T : class
    {
        var start = broker.Time.GetTimestamp();
        using var waiter = broker.Waiters.Enter(line);
        while (true)
        {
            waiter.BeginLook();
            if (await broker.WriteAsync(look, cancellation) is { } found)
                return found;

            var rest = (wait < LongestWait ? wait : LongestWait) - broker.Time.GetElapsedTime(start);
            if (rest <= TimeSpan.Zero || !await waiter.SleepAsync(rest, ended.Token, cancellation))
            {
                ThrowIfEnded();
                return null;
            }
        }
    }

    /// <summary>Where one waits for the messages of an entity, or for its sessions.</summary>
    private async Task<long> BoxLineAsync(string entity)
    {
        var (name, isDeadLetter) = EntityPaths.Parse(entity);
        return -Keys.Box(await broker.ReadAsync(database => Entity.IdOf(database, name)) ?? throw Errors.NotFound(entity), isDeadLetter);
    }

    private void ThrowIfEnded()
    {
        if (isBroken)
            throw Errors.ConnectionBroken(id);
        ObjectDisposedException.ThrowIf(ended.IsCancellationRequested, typeof(ServiceBusClient));
    }

    private static void ThrowIfTooLarge(string entity, IReadOnlyList<OutgoingMessage> messages)
    {
        var size = 0L;
        foreach (var message in messages)
            size += message.Content.Length;
        if (size > MessageFormat.MaxBytes)
            throw Errors.MessageTooLarge(entity, $"The {(messages.Count == 1 ? "message has" : "messages have together")} {size} bytes, {MessageFormat.MaxBytes} are allowed in one call.");
        if (messages.Count > ServiceBusMessageBatch.MaxCount)
            throw Errors.MessageTooLarge(entity, $"There are {messages.Count} messages, {ServiceBusMessageBatch.MaxCount} are allowed in one call.");
    }

    /// <summary>What a look ended with: messages, or, with none, the loss of the session. No look at all means: nothing yet.</summary>
    private sealed record Look(List<Taken>? Messages)
    {
        public static Look? At(List<Taken>? messages) => messages is { Count: 0 } ? null : new Look(messages);
    }
}
