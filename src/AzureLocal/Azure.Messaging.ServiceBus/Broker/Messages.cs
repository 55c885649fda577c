using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>A row of <c>sb_messages</c>, as much of it as a change of state needs.</summary>
internal readonly record struct MessageRow(long Key, long Line, MessageState State, long Enqueued, long? TimeToLive, int Deliveries)
{
    public const string Columns = "m.key, m.line, m.state, m.enqueued, m.ttl, m.deliveries";

    public long Box => Keys.BoxOf(Key);

    public static MessageRow From(Rows rows) => new(
        rows.Int64(0), rows.Int64(1), (MessageState)rows.Int32(2), rows.Int64(3), rows.Int64OrNull(4), rows.Int32(5));
}

/// <summary>A message as it leaves the transaction that took or peeked it; decoding its content is left to the receiver's thread.</summary>
internal readonly record struct Taken(MessageRow Row, long FirstSequence, byte[] Content, long LockNumber, long LockedUntil)
{
    public Delivery ToDelivery(bool isPeek = false)
    {
        var enqueued = new DateTimeOffset(Row.Enqueued, TimeSpan.Zero);
        var message = MessageFormat.Decode(Content);
        if (Row.TimeToLive is { } lives)
            message.TimeToLive = new TimeSpan(lives); // which the entity may have cut
        return new Delivery
        {
            Message = message,
            SequenceNumber = Keys.SequenceOf(Row.Key),
            EnqueuedSequenceNumber = FirstSequence,
            EnqueuedTime = enqueued,
            ExpiresAt = Messages.Expiry(Row.Enqueued, Row.TimeToLive) is { } expiry ? new DateTimeOffset(expiry, TimeSpan.Zero) : DateTimeOffset.MaxValue,
            DeliveryCount = isPeek ? Row.Deliveries : Row.Deliveries + 1,
            State = Row.State,
            LockToken = LockNumber == 0 ? Guid.Empty : Keys.LockToken(Row.Key, LockNumber),
            LockedUntil = LockedUntil == 0 ? default : new DateTimeOffset(LockedUntil, TimeSpan.Zero),
        };
    }
}

/// <summary>The changes of state that a message can go through, each with the counters of its entity and whom it wakes.</summary>
internal static class Messages
{
    private const string MaxDeliveryCountExceeded = "MaxDeliveryCountExceeded";

    /// <summary>Puts a new message into its line, or, with a time to come, aside until then.</summary>
    public static void Add(
        Transaction transaction, Entity entity, long box, long sequence, long line, byte[] content, TimeSpan timeToLive, long? scheduledFor)
    {
        var ttl = Shortest(timeToLive, entity.TimeToLive);
        var due = scheduledFor ?? (Keys.IsDeadLetter(box) ? null : Expiry(transaction.Now, ttl));
        var state = scheduledFor is null ? MessageState.Ready : MessageState.Scheduled;
        transaction.Database.Execute(
            "INSERT INTO sb_messages (key, line, state, first, enqueued, ttl, due, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            Keys.Key(box, sequence), line, (long)state, sequence, transaction.Now, ttl, due, content);
        if (due is { } time)
            transaction.ActAt(time);
        if (scheduledFor is not null)
            entity.Scheduled++;
        else if (Keys.IsDeadLetter(box))
            entity.Dead++;
        else
            entity.Active++;
    }

    public static MessageRow? Find(Transaction transaction, long key)
    {
        using var rows = transaction.Database.Query($"SELECT {MessageRow.Columns} FROM sb_messages m WHERE m.key = ? AND {Hands.NotCompleted}", key);
        return rows.Read() ? MessageRow.From(rows) : null;
    }

    /// <summary>The ready messages of a line, oldest first.</summary>
    public static List<MessageRow> Ready(Transaction transaction, long line, int max)
    {
        var found = new List<MessageRow>();
        using var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns} FROM sb_messages m WHERE m.line = ? AND m.state = 0 AND {Hands.NotTaken} ORDER BY m.key LIMIT ?", line, max);
        while (rows.Read())
            found.Add(MessageRow.From(rows));
        return found;
    }

    /// <summary>Removes a message that is in nobody's hand.</summary>
    public static void Remove(Transaction transaction, in MessageRow row)
    {
        transaction.Database.Execute("DELETE FROM sb_messages WHERE key = ?", row.Key);
        var entity = transaction.Get(Keys.Entity(row.Box));
        if (row.State == MessageState.Scheduled)
            entity.Scheduled--;
        else if (Keys.IsDeadLetter(row.Box))
            entity.Dead--;
        else
            entity.Active--;
    }

    /// <summary>Puts back a message that is in a receiver's hand, where it was before.</summary>
    public static void PutBack(Transaction transaction, in MessageRow row, int deliveries) => PutInto(transaction, row, row.State, deliveries);

    public static void Defer(Transaction transaction, in MessageRow row) => PutInto(transaction, row, MessageState.Deferred, row.Deliveries);

    /// <summary>
    /// Puts back a message whose delivery failed: it was abandoned, or its lock expired. One too many and it is dead-lettered.
    /// In a dead-letter queue failures are not counted, as users of the service report (and nothing can leave it by failing).
    /// </summary>
    public static void CountFailure(Transaction transaction, in MessageRow row)
    {
        if (Keys.IsDeadLetter(row.Box))
        {
            PutBack(transaction, row, row.Deliveries);
            return;
        }
        var deliveries = row.Deliveries + 1;
        var most = transaction.Get(Keys.Entity(row.Box)).MaxDeliveryCount;
        if (deliveries < most)
            PutBack(transaction, row, deliveries);
        else
            DeadLetter(transaction, row with { Deliveries = deliveries }, MaxDeliveryCountExceeded, $"Message could not be consumed after {most} delivery attempts.");
    }

    /// <summary>Moves a message to the dead-letter queue with its sequence number. The reason lies in its properties, as over AMQP.</summary>
    public static void DeadLetter(Transaction transaction, in MessageRow row, string reason, string description)
    {
        var content = MessageFormat.Decode(ReadContent(transaction.Database, row.Key));
        content.Properties[ServiceBusReceivedMessage.DeadLetterReasonHeader] = reason;
        content.Properties[ServiceBusReceivedMessage.DeadLetterErrorDescriptionHeader] = description;
        WriteContent(transaction.Database, row.Key, MessageFormat.Encode(content));
        DeadLetter(transaction, row);
    }

    public static void DeadLetter(Transaction transaction, in MessageRow row)
    {
        var line = -(row.Box + 1);
        Hands.Empty(transaction, row.Key);
        transaction.Database.Execute(
            "UPDATE sb_messages SET key = ?, line = ?, state = ?, due = NULL, deliveries = ? WHERE key = ?",
            row.Key + Keys.NextBox, line, (long)MessageState.Ready, row.Deliveries, row.Key);
        var entity = transaction.Get(Keys.Entity(row.Box));
        entity.Active--;
        entity.Dead++;
        transaction.Wake(line);
    }

    public static byte[] ReadContent(Database database, long key)
    {
        using var rows = database.Query("SELECT content FROM sb_messages WHERE key = ?", key);
        return rows.Read() ? rows.Blob(0) : throw new InvalidDataException($"The message {key} is missing.");
    }

    public static void WriteContent(Database database, long key, byte[] content) =>
        database.Execute("UPDATE sb_messages SET content = ? WHERE key = ?", content, key);

    public static long? Expiry(long enqueued, long? ttl) => ttl is { } span && span < DateTime.MaxValue.Ticks - enqueued ? enqueued + span : null;

    /// <summary>A message lives as long as it says, and no longer than its entity lets it.</summary>
    public static long? Shortest(TimeSpan ttl, long? entity)
    {
        if (ttl == TimeSpan.MaxValue)
            return entity;
        return entity is { } ceiling ? Math.Min(ceiling, ttl.Ticks) : ttl.Ticks;
    }

    private static void PutInto(Transaction transaction, in MessageRow row, MessageState state, int deliveries)
    {
        Hands.Empty(transaction, row.Key);
        var due = state == MessageState.Ready && !Keys.IsDeadLetter(row.Box) ? Expiry(row.Enqueued, row.TimeToLive) : null;
        if (state != row.State || deliveries != row.Deliveries || due is not null)
            transaction.Database.Execute("UPDATE sb_messages SET state = ?, due = ?, deliveries = ? WHERE key = ?", (long)state, due, deliveries, row.Key);
        if (due is { } time)
            transaction.ActAt(time);
        if (state == MessageState.Ready)
            transaction.Wake(row.Line);
    }
}
