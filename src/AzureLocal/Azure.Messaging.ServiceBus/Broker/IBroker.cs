namespace AzureLocal.ServiceBus;

/// <summary>
/// A namespace of Service Bus: entities, and connections to them. The SDK types stand on this and nothing else, so a wire
/// protocol can be put in its place, and a simulation can wrap it with faults.
/// </summary>
internal interface IBroker
{
    /// <summary>How often each kind of operation was asked for, as Azure would bill it.</summary>
    OperationCounts Operations { get; }

    TimeProvider Time { get; }

    /// <summary>Opens a connection. What it locks is its own, and is free again when it is closed or broken.</summary>
    IBrokerConnection Connect();

    /// <exception cref="Azure.Messaging.ServiceBus.ServiceBusException">MessagingEntityAlreadyExists; for a subscription, MessagingEntityNotFound when its topic is missing.</exception>
    Task<EntityInfo> CreateEntityAsync(EntitySettings settings, IReadOnlyList<Rule> rules, CancellationToken cancellation);

    /// <exception cref="Azure.Messaging.ServiceBus.ServiceBusException">MessagingEntityNotFound.</exception>
    /// <exception cref="InvalidOperationException">A property that is fixed at creation would change.</exception>
    Task<EntityInfo> UpdateEntityAsync(EntitySettings settings, CancellationToken cancellation);

    Task DeleteEntityAsync(string path, CancellationToken cancellation);

    /// <summary>The entity at this path with its counts, or null.</summary>
    Task<EntityInfo?> FindEntityAsync(string path, CancellationToken cancellation);

    Task CreateRuleAsync(string subscription, Rule rule, CancellationToken cancellation);

    Task DeleteRuleAsync(string subscription, string name, CancellationToken cancellation);

    /// <summary>Replaces all rules of a subscription.</summary>
    Task SetRulesAsync(string subscription, IReadOnlyList<Rule> rules, CancellationToken cancellation);
}

/// <summary>What a client can ask of a broker over one connection. Every call is one transaction.</summary>
internal interface IBrokerConnection
{
    string Id { get; }

    /// <summary>Accepts the messages, all or none. Those that duplicate detection knows are dropped without a word.</summary>
    Task SendAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation);

    /// <summary>As <see cref="SendAsync"/> for messages that each have a time, and tells their sequence numbers.</summary>
    Task<IReadOnlyList<long>> ScheduleAsync(string entity, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellation);

    Task CancelScheduledAsync(string entity, IReadOnlyList<long> sequenceNumbers, CancellationToken cancellation);

    /// <summary>Locks the named session, or, without a name, the one whose turn it is; waits for one that long.</summary>
    /// <param name="entity">Whose session.</param>
    /// <param name="sessionId">Which one; null is the next.</param>
    /// <param name="wait">How long to wait for the next.</param>
    /// <param name="ahead">Whether the next message is taken in hand along with the session, and with each one completed: <see cref="SessionLock.ReadsAhead"/>.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    Task<SessionLock> AcceptSessionAsync(string entity, string? sessionId, TimeSpan wait, bool ahead, CancellationToken cancellation);

    Task RenewSessionAsync(SessionLock session, CancellationToken cancellation);

    /// <summary>Gives the session back; what it has in hand is available again and not counted as delivered.</summary>
    Task ReleaseSessionAsync(SessionLock session, CancellationToken cancellation);

    Task<byte[]?> GetSessionStateAsync(SessionLock session, CancellationToken cancellation);

    Task SetSessionStateAsync(SessionLock session, byte[]? state, CancellationToken cancellation);

    /// <summary>Takes up to <paramref name="max"/> messages in hand (or out of the queue), and waits that long for the first.</summary>
    Task<IReadOnlyList<Delivery>> ReceiveAsync(string entity, SessionLock? session, int max, TimeSpan wait, bool delete, CancellationToken cancellation);

    Task<IReadOnlyList<Delivery>> ReceiveDeferredAsync(string entity, SessionLock? session, IReadOnlyList<long> sequenceNumbers, bool delete, CancellationToken cancellation);

    Task<IReadOnlyList<Delivery>> PeekAsync(string entity, string? sessionId, long fromSequenceNumber, int max, CancellationToken cancellation);

    Task<DateTimeOffset> RenewAsync(string entity, Guid lockToken, CancellationToken cancellation);

    Task SettleAsync(string entity, SessionLock? session, Guid lockToken, Settlement settlement, CancellationToken cancellation);

    /// <summary>Closes it in good order: its locks are released, nothing is counted as delivered.</summary>
    Task CloseAsync();

    /// <summary>Breaks it, as the death of its process does: its locks end as if they had expired, and what waits on it fails.</summary>
    Task KillAsync();
}

internal enum EntityKind { Queue, Topic, Subscription }

/// <summary>What an administrator sets of a queue, topic or subscription.</summary>
internal sealed record EntitySettings(EntityKind Kind, string Path)
{
    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);
    public int MaxDeliveryCount { get; init; } = 10;
    public TimeSpan DefaultMessageTimeToLive { get; init; } = TimeSpan.MaxValue;
    public bool DeadLetteringOnMessageExpiration { get; init; }
    public bool RequiresSession { get; init; }
    public bool RequiresDuplicateDetection { get; init; }
    public TimeSpan DuplicateDetectionHistoryTimeWindow { get; init; } = TimeSpan.FromMinutes(1);
}

/// <summary>An entity as it stands. Messages that are locked or deferred count as active.</summary>
internal sealed record EntityInfo(EntitySettings Settings, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, long Active, long Scheduled, long DeadLettered);

/// <summary>Which messages of a topic a subscription takes: all, or those that equal the pattern in whatever it sets.</summary>
internal sealed record Rule(string Name, BrokerMessage? Pattern);

/// <summary>A session that a connection holds.</summary>
internal sealed class SessionLock(string entity, string sessionId, long line, long link)
{
    private readonly List<Taken> ahead = [];

    public string Entity { get; } = entity;
    public string SessionId { get; } = sessionId;

    /// <summary>The session's row.</summary>
    public long Line { get; } = line;

    /// <summary>The number of this acceptance, never used again by this connection.</summary>
    public long Link { get; } = link;

    public DateTimeOffset LockedUntil { get; set; }

    /// <summary>
    /// Its receiver takes messages one by one: the next one is taken in hand in the transaction that accepts the session, or completes the one before, and is
    /// handed out by the next receive. To the broker it is in hand from then on, as if the receive had come at once.
    /// </summary>
    public bool ReadsAhead { get; init; }

    /// <summary>The messages before this key are all taken: where to begin to look for the next one. It moves back when one is put back.</summary>
    public long From { get; set; }

    /// <summary>Whether the next message is to be taken in hand along with what is done now: not while one is, so that none is passed over.</summary>
    public bool WantsAhead
    {
        get
        {
            lock (ahead)
                return ReadsAhead && ahead.Count == 0;
        }
    }

    /// <summary>How many messages are in hand that its receiver has not asked for yet.</summary>
    public int AheadCount
    {
        get
        {
            lock (ahead)
                return ahead.Count;
        }
    }

    /// <summary>Keeps what was read ahead until it is received. A completion that was given up, or is repeated, may come beside the next one.</summary>
    public void Keep(List<Taken> messages)
    {
        lock (ahead)
        {
            ahead.AddRange(messages);
            ahead.Sort(static (one, other) => one.Row.Key.CompareTo(other.Row.Key));
        }
    }

    /// <summary>Hands out what was read ahead.</summary>
    public List<Taken> TakeAhead()
    {
        lock (ahead)
        {
            List<Taken> all = [.. ahead];
            ahead.Clear();
            return all;
        }
    }
}

internal enum MessageState { Ready, Scheduled, Deferred }

/// <summary>A message on its way to a receiver, with what the broker knows about it.</summary>
internal sealed class Delivery
{
    public required BrokerMessage Message { get; init; }
    public required long SequenceNumber { get; init; }
    public long EnqueuedSequenceNumber { get; init; }
    public DateTimeOffset EnqueuedTime { get; init; }
    public DateTimeOffset ExpiresAt { get; init; } = DateTimeOffset.MaxValue;
    public int DeliveryCount { get; init; }
    public MessageState State { get; init; }
    public Guid LockToken { get; init; }
    public DateTimeOffset LockedUntil { get; set; }
}

internal enum Outcome { Complete, Abandon, DeadLetter, Defer }

/// <summary>What a receiver decides about a message in hand, and what of its properties it changes.</summary>
internal sealed record Settlement(Outcome Outcome, IDictionary<string, object>? Changes = null, string? Reason = null, string? Description = null)
{
    public bool HasChanges => Changes is { Count: > 0 } || Reason is not null || Description is not null;
}
