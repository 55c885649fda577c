using Azure.Messaging.ServiceBus;
using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>Accepting messages: duplicates, scheduling, and the copies that a topic makes for its subscriptions.</summary>
internal static class Sending
{
    private const string NoSessionId = "Session ID is null";

    /// <summary>Accepts the messages and tells their sequence numbers; a duplicate's is that of the message it repeats.</summary>
    public static List<long> Send(Transaction transaction, string path, IReadOnlyList<OutgoingMessage> messages)
    {
        var entity = transaction.Find(path) ?? throw Errors.NotFound(path);
        if (entity.Kind == EntityKind.Subscription)
            throw new InvalidOperationException($"Messages cannot be sent to the subscription '{path}', only to its topic.");
        if (entity.RequiresSession && messages.Any(message => message.SessionId is null))
            throw new InvalidOperationException(
                "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have session support enabled can only receive messages that have the SessionId set to a valid value.");

        var subscriptions = entity.Kind == EntityKind.Topic ? Subscribers(transaction, entity) : null;
        var numbers = new List<long>(messages.Count);
        foreach (var message in messages)
            numbers.Add(Send(transaction, entity, subscriptions, message));
        return numbers;
    }

    /// <exception cref="ServiceBusException">MessageNotFound: one of them has become active, was cancelled, or never was. None is cancelled then.</exception>
    public static void Cancel(Transaction transaction, string path, IReadOnlyList<long> numbers)
    {
        var entity = transaction.Find(path) ?? throw Errors.NotFound(path);
        var found = new List<MessageRow>(numbers.Count);
        foreach (var number in numbers)
        {
            if (Messages.Find(transaction, Keys.Key(entity.Box, number)) is not { State: MessageState.Scheduled } row)
                throw Errors.MessageNotFound(path, number);
            found.Add(row);
        }
        foreach (var row in found)
        {
            Messages.Remove(transaction, row);
            if (row.Line > 0)
                Sessions.Settle(transaction, entity, row.Line);
        }
    }

    /// <summary>Makes a scheduled message active: with a new number, at the end of its line, its time to live starting now.</summary>
    public static void Activate(Transaction transaction, in MessageRow row)
    {
        var entity = transaction.Get(Keys.Entity(row.Box));
        if (entity.Kind == EntityKind.Topic)
        {
            var content = Messages.ReadContent(transaction.Database, row.Key);
            Publish(transaction, Subscribers(transaction, entity), content, row.TimeToLive);
            Messages.Remove(transaction, row);
            return;
        }
        var due = Messages.Expiry(transaction.Now, row.TimeToLive);
        transaction.Database.Execute(
            "UPDATE sb_messages SET key = ?, state = ?, enqueued = ?, due = ? WHERE key = ?",
            Keys.Key(row.Box, entity.NextSequence++), (long)MessageState.Ready, transaction.Now, due, row.Key);
        entity.Scheduled--;
        entity.Active++;
        if (due is { } time)
            transaction.ActAt(time);
        transaction.Wake(row.Line);
        if (row.Line > 0)
            Sessions.Settle(transaction, entity, row.Line);
    }

    private static long Send(Transaction transaction, Entity entity, List<Subscriber>? subscriptions, OutgoingMessage message)
    {
        if (entity.RequiresDuplicateDetection && message.MessageId is { } id && SeenAs(transaction, entity, id) is { } first)
            return first;

        var number = entity.NextSequence++;
        var time = message.ScheduledEnqueueTime.UtcTicks;
        long? scheduledFor = time > transaction.Now ? time : null;
        if (subscriptions is not null && scheduledFor is null)
            Publish(transaction, subscriptions, message.Content, Messages.Shortest(message.TimeToLive, entity.TimeToLive));
        else
            Messages.Add(transaction, entity, entity.Box, number, LineFor(transaction, entity, message.SessionId, scheduledFor), message.Content, message.TimeToLive, scheduledFor);
        return number;
    }

    private static long LineFor(Transaction transaction, Entity entity, string? session, long? scheduledFor)
    {
        if (entity.RequiresSession)
            return scheduledFor is null ? Sessions.Join(transaction, entity, session!) : Sessions.LineOf(transaction, entity, session!);
        if (scheduledFor is null)
            transaction.Wake(-entity.Box);
        return -entity.Box;
    }

    /// <summary>The number of the message that had this id within the window, or null for a new one, which is then remembered.</summary>
    private static long? SeenAs(Transaction transaction, Entity entity, string id)
    {
        var isNew = transaction.Database.Execute(
            """
            INSERT INTO sb_seen (entity, message, sequence, until) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET sequence = ?3, until = ?4 WHERE until <= ?5
            """,
            entity.Id, id, entity.NextSequence, transaction.Now + entity.DuplicateWindow, transaction.Now) > 0;
        if (!isNew)
            return FirstOf(transaction, entity, id);
        if (transaction.Group.MayHaveOutdated(entity.Id, transaction.Now))
            Forget(transaction, entity);
        return null;
    }

    private static long FirstOf(Transaction transaction, Entity entity, string id)
    {
        using var rows = transaction.Database.Query("SELECT sequence FROM sb_seen WHERE entity = ? AND message = ?", entity.Id, id);
        return rows.Read() ? rows.Int64(0) : throw new InvalidDataException($"The message {id} was seen, and is not there.");
    }

    /// <summary>Two are forgotten for each one remembered: the table never grows past its window, and no send pays for more than two.</summary>
    private static void Forget(Transaction transaction, Entity entity)
    {
        var outdated = new List<string>(2);
        using (var rows = transaction.Database.Query("SELECT message, until FROM sb_seen WHERE entity = ? ORDER BY until LIMIT 3", entity.Id))
        {
            while (rows.Read())
            {
                if (outdated.Count == 2 || rows.Int64(1) > transaction.Now)
                {
                    transaction.Group.NothingOutdatedBefore(entity.Id, rows.Int64(1));
                    break;
                }
                outdated.Add(rows.Text(0));
            }
        }
        foreach (var message in outdated)
            transaction.Database.Execute("DELETE FROM sb_seen WHERE entity = ? AND message = ?", entity.Id, message);
    }

    private static List<Subscriber> Subscribers(Transaction transaction, Entity topic)
    {
        var subscribers = new List<Subscriber>();
        foreach (var id in Entity.SubscriptionsOf(transaction.Database, topic.Id))
            subscribers.Add(new Subscriber(transaction.Get(id), Rules.Patterns(transaction.Database, id)));
        return subscribers;
    }

    private static void Publish(Transaction transaction, List<Subscriber> subscribers, byte[] content, long? ttl)
    {
        var message = MessageFormat.Decode(content);
        var timeToLive = ttl is { } ticks ? new TimeSpan(ticks) : TimeSpan.MaxValue;
        foreach (var (subscription, patterns) in subscribers)
        {
            if (!patterns.Any(pattern => Rules.Match(pattern, message)))
                continue;
            var number = subscription.NextSequence++;
            var isLost = subscription.RequiresSession && message.SessionId is null;
            var box = Keys.Box(subscription.Id, isLost);
            long line;
            var stored = content;
            if (isLost)
            {
                var dead = message.Copy();
                dead.Properties[ServiceBusReceivedMessage.DeadLetterReasonHeader] = NoSessionId;
                stored = MessageFormat.Encode(dead);
                line = -box;
                transaction.Wake(line);
            }
            else
            {
                line = LineFor(transaction, subscription, message.SessionId, null);
            }
            Messages.Add(transaction, subscription, box, number, line, stored, timeToLive, null);
        }
    }

    private readonly record struct Subscriber(Entity Subscription, List<BrokerMessage?> Patterns);
}

/// <summary>The rules of subscriptions. A subscription takes a message once, however many of its rules it satisfies.</summary>
internal static class Rules
{
    public static bool Match(BrokerMessage? pattern, BrokerMessage message)
    {
        if (pattern is null)
            return true;
        if (!(Match(pattern.CorrelationId, message.CorrelationId) && Match(pattern.MessageId, message.MessageId) && Match(pattern.To, message.To)
            && Match(pattern.ReplyTo, message.ReplyTo) && Match(pattern.Subject, message.Subject) && Match(pattern.SessionId, message.SessionId)
            && Match(pattern.ReplyToSessionId, message.ReplyToSessionId) && Match(pattern.ContentType, message.ContentType)))
            return false;
        return !pattern.HasProperties
            || pattern.Properties.All(wanted => message.HasProperties && message.Properties.TryGetValue(wanted.Key, out var value) && Equals(wanted.Value, value));
    }

    public static List<BrokerMessage?> Patterns(Database database, long subscription)
    {
        var patterns = new List<BrokerMessage?>();
        using var rows = database.Query("SELECT pattern FROM sb_rules WHERE subscription = ?", subscription);
        while (rows.Read())
            patterns.Add(rows.BlobOrNull(0) is { } pattern ? MessageFormat.Decode(pattern) : null);
        return patterns;
    }

    public static void Add(Database database, long subscription, Rule rule) => database.Execute(
        "INSERT INTO sb_rules (subscription, name, pattern) VALUES (?, ?, ?)", subscription, rule.Name, rule.Pattern is { } pattern ? MessageFormat.Encode(pattern) : null);

    public static bool Exists(Database database, long subscription, string name)
    {
        using var rows = database.Query("SELECT 1 FROM sb_rules WHERE subscription = ? AND name = ?", subscription, name);
        return rows.Read();
    }

    public static int Remove(Database database, long subscription, string name) =>
        database.Execute("DELETE FROM sb_rules WHERE subscription = ? AND name = ?", subscription, name);

    public static void RemoveAll(Database database, long subscription) => database.Execute("DELETE FROM sb_rules WHERE subscription = ?", subscription);

    private static bool Match(string? wanted, string? value) => wanted is null || wanted == value;
}
