using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>A row of <c>sb_messages</c>, as much of it as a change of state needs.</summary>
internal readonly record struct MessageRow(
    long Key, long Line, MessageState State, long ContentId, long Enqueued, long? TimeToLive, int Deliveries, long? Lock, string? Owner, long? LockedUntil)
{
    public const string Columns = "m.key, m.line, m.state, m.content, m.enqueued, m.ttl, m.deliveries, m.lock, m.owner, m.locked_until";

    public long Box => Keys.BoxOf(Key);

    public bool IsInHand => State is MessageState.InHand or MessageState.DeferredInHand;

    public static MessageRow From(Rows rows) => new(
        rows.Int64(0), rows.Int64(1), (MessageState)rows.Int32(2), rows.Int64(3), rows.Int64(4), rows.Int64OrNull(5), rows.Int32(6),
        rows.Int64OrNull(7), rows.TextOrNull(8), rows.Int64OrNull(9));
}

/// <summary>A message as it leaves the transaction that took or peeked it; decoding its content is left to the receiver's thread.</summary>
internal readonly record struct Taken(MessageRow Row, long FirstSequence, byte[] Content, long LockNumber, long LockedUntil)
{
    public Delivery ToDelivery(bool isPeek = false)
    {
        var enqueued = new DateTimeOffset(Row.Enqueued, TimeSpan.Zero);
        return new Delivery
        {
            Message = MessageFormat.Decode(Content),
            SequenceNumber = Keys.SequenceOf(Row.Key),
            EnqueuedSequenceNumber = FirstSequence,
            EnqueuedTime = enqueued,
            ExpiresAt = Row.TimeToLive is { } ttl ? enqueued + new TimeSpan(ttl) : DateTimeOffset.MaxValue,
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
        transaction.Database.Execute("INSERT INTO sb_contents (content) VALUES (?)", content);
        var contentId = transaction.Database.LastInsertRowId;
        var ttl = Shortest(timeToLive, entity.TimeToLive);
        var due = scheduledFor ?? (Keys.IsDeadLetter(box) ? null : Expiry(transaction.Now, ttl));
        var state = scheduledFor is null ? MessageState.Ready : MessageState.Scheduled;
        transaction.Database.Execute(
            "INSERT INTO sb_messages (key, line, state, content, first, enqueued, ttl, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            Keys.Key(box, sequence), line, (long)state, contentId, sequence, transaction.Now, ttl, due);
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
        using var rows = transaction.Database.Query($"SELECT {MessageRow.Columns} FROM sb_messages m WHERE m.key = ?", key);
        return rows.Read() ? MessageRow.From(rows) : null;
    }

    public static List<MessageRow> InLine(Transaction transaction, long line, MessageState state, int max)
    {
        var found = new List<MessageRow>();
        using var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns} FROM sb_messages m WHERE m.line = ? AND m.state = ? ORDER BY m.key LIMIT ?", line, (long)state, max);
        while (rows.Read())
            found.Add(MessageRow.From(rows));
        return found;
    }

    public static void Remove(Transaction transaction, in MessageRow row)
    {
        transaction.Database.Execute("DELETE FROM sb_contents WHERE id = ?", row.ContentId);
        transaction.Database.Execute("DELETE FROM sb_messages WHERE key = ?", row.Key);
        var entity = transaction.Get(Keys.Entity(row.Box));
        if (row.State == MessageState.Scheduled)
            entity.Scheduled--;
        else if (Keys.IsDeadLetter(row.Box))
            entity.Dead--;
        else
            entity.Active--;
    }

    /// <summary>Puts a message into a receiver's hand. In a session owner and time are the session's.</summary>
    public static void Take(Transaction transaction, in MessageRow row, long lockNumber, string? owner, long? lockedUntil)
    {
        var state = row.State == MessageState.Deferred ? MessageState.DeferredInHand : MessageState.InHand;
        transaction.Database.Execute(
            "UPDATE sb_messages SET state = ?, due = NULL, lock = ?, owner = ?, locked_until = ? WHERE key = ?",
            (long)state, lockNumber, owner, lockedUntil, row.Key);
        if (lockedUntil is { } time)
            transaction.ActAt(time);
    }

    /// <summary>Takes a message out of a receiver's hand, and puts it where it was before.</summary>
    public static void PutBack(Transaction transaction, in MessageRow row, int deliveries)
    {
        var state = row.State == MessageState.DeferredInHand ? MessageState.Deferred : MessageState.Ready;
        PutInto(transaction, row, state, deliveries);
    }

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
        var content = MessageFormat.Decode(ReadContent(transaction.Database, row.ContentId));
        content.Properties[ServiceBusReceivedMessage.DeadLetterReasonHeader] = reason;
        content.Properties[ServiceBusReceivedMessage.DeadLetterErrorDescriptionHeader] = description;
        WriteContent(transaction.Database, row.ContentId, MessageFormat.Encode(content));
        DeadLetter(transaction, row);
    }

    public static void DeadLetter(Transaction transaction, in MessageRow row)
    {
        var line = -(row.Box + 1);
        transaction.Database.Execute(
            """
            UPDATE sb_messages SET key = ?, line = ?, state = ?, due = NULL, deliveries = ?, lock = NULL, owner = NULL, locked_until = NULL
            WHERE key = ?
            """,
            row.Key + Keys.NextBox, line, (long)MessageState.Ready, row.Deliveries, row.Key);
        var entity = transaction.Get(Keys.Entity(row.Box));
        entity.Active--;
        entity.Dead++;
        transaction.Wake(line);
    }

    public static byte[] ReadContent(Database database, long id)
    {
        using var rows = database.Query("SELECT content FROM sb_contents WHERE id = ?", id);
        return rows.Read() ? rows.Blob(0) : throw new InvalidDataException($"The content {id} of a message is missing.");
    }

    public static void WriteContent(Database database, long id, byte[] content) =>
        database.Execute("UPDATE sb_contents SET content = ? WHERE id = ?", content, id);

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
        var due = state == MessageState.Ready && !Keys.IsDeadLetter(row.Box) ? Expiry(row.Enqueued, row.TimeToLive) : null;
        transaction.Database.Execute(
            "UPDATE sb_messages SET state = ?, due = ?, deliveries = ?, lock = NULL, owner = NULL, locked_until = NULL WHERE key = ?",
            (long)state, due, deliveries, row.Key);
        if (due is { } time)
            transaction.ActAt(time);
        if (state == MessageState.Ready)
            transaction.Wake(row.Line);
    }
}
