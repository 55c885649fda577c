using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>Accepting sessions, and taking or looking at messages.</summary>
internal static class Receiving
{
    /// <summary>One receive answers with no more than this, so that large messages taken by the thousand stay within memory.</summary>
    private const int MaxBytesAtOnce = 16 * 1024 * 1024;

    /// <summary>The session whose turn it is, or null when none can be accepted now.</summary>
    public static SessionLock? AcceptNext(Transaction transaction, string path, string owner, bool ahead)
    {
        var entity = SessionEntity(transaction, path);
        DueWork.Run(transaction, DueWork.StepsPerCall);
        if (Sessions.Next(transaction, entity) is not { } next)
            return null;
        var session = Lock(transaction, entity, path, next.Session, next.Id, owner, ahead);
        if (ahead)
            session.Keep(TakeNext(transaction, path, session));
        return session;
    }

    /// <summary>This session, or null when another receiver holds it.</summary>
    public static SessionLock? Accept(Transaction transaction, string path, string session, string owner)
    {
        var entity = SessionEntity(transaction, path);
        DueWork.Run(transaction, DueWork.StepsPerCall);
        if (Sessions.Find(transaction, entity.Id, session) is { Owner: not null } held)
        {
            if (held.LockedUntil > transaction.Now)
                return null;
            Sessions.Free(transaction, held, isFailure: true);
        }
        return Lock(transaction, entity, path, session, Sessions.LineOf(transaction, entity, session), owner, ahead: false);
    }

    /// <summary>The next messages of the line, oldest first; null when the session is no longer held.</summary>
    public static List<Taken>? Take(Transaction transaction, string path, SessionLock? session, int max, bool delete, string owner)
    {
        var (entity, box) = Open(transaction, path, session);
        DueWork.Run(transaction, DueWork.StepsPerCall);
        if (session is not null && !Sessions.IsHeld(transaction, session, owner))
            return null;
        return TakeInHand(transaction, entity, session, Ready(transaction, session, session?.Line ?? -box, max), delete, owner);
    }

    /// <summary>The next message of a session that is known to be held, in hand; empty when there is none.</summary>
    public static List<Taken> TakeNext(Transaction transaction, string path, SessionLock session)
    {
        DueWork.Run(transaction, DueWork.StepsPerCall);
        var (entity, _) = Open(transaction, path, session);
        return TakeInHand(transaction, entity, session, Ready(transaction, session, session.Line, 1), delete: false, owner: "");
    }

    /// <summary>Deferred messages by their numbers, all or none; null when the session is no longer held.</summary>
    public static List<Taken>? TakeDeferred(Transaction transaction, string path, SessionLock? session, IReadOnlyList<long> numbers, bool delete, string owner)
    {
        var (entity, box) = Open(transaction, path, session);
        if (session is not null && !Sessions.IsHeld(transaction, session, owner))
            return null;

        var found = new List<Taken>(numbers.Count);
        foreach (var number in numbers)
        {
            var one = Read(
                transaction,
                $"SELECT {MessageRow.Columns}, m.first, m.content FROM sb_messages m WHERE m.key = ? AND m.state = 2 AND m.line = ? AND {Hands.NotTaken}",
                Keys.Key(box, number), session?.Line ?? -box);
            found.Add(one.Count == 1 ? one[0] : throw Errors.MessageNotFound(path, number));
        }
        return TakeInHand(transaction, entity, session, found, delete, owner);
    }

    /// <summary>Messages from a number on, whatever their state, without changing it.</summary>
    public static List<Taken> Peek(Database database, string path, string? session, long from, int max)
    {
        var (name, isDeadLetter) = EntityPaths.Parse(path);
        var entity = Entity.Load(database, name) ?? throw Errors.NotFound(path);
        var box = Keys.Box(entity.Id, isDeadLetter);
        if (session is null)
        {
            return Read(
                database,
                $"SELECT {MessageRow.Columns}, m.first, m.content FROM sb_messages m WHERE m.key >= ? AND m.key < ? AND {Hands.NotCompleted} ORDER BY m.key LIMIT ?",
                Keys.Key(box, from), Keys.Key(box + 1, 0), max);
        }
        // By state, since that is how the index goes: a session of a million messages is not sorted to show ten.
        var found = new List<Taken>();
        for (var state = MessageState.Ready; state <= MessageState.Deferred; state++)
        {
            found.AddRange(Read(
                database,
                $"""
                SELECT {MessageRow.Columns}, m.first, m.content FROM sb_sessions s
                CROSS JOIN sb_messages m ON m.line = s.id AND m.state = ?
                WHERE s.entity = ? AND s.session = ? AND m.key >= ? AND {Hands.NotCompleted} ORDER BY m.key LIMIT ?
                """,
                (long)state, entity.Id, session, Keys.Key(box, from), max));
        }
        found.Sort(static (left, right) => left.Row.Key.CompareTo(right.Row.Key));
        return found.Count <= max ? found : found.GetRange(0, max);
    }

    private static List<Taken> Ready(Transaction transaction, SessionLock? session, long line, int max)
    {
        var found = Read(
            transaction,
            $"SELECT {MessageRow.Columns}, m.first, m.content FROM sb_messages m WHERE m.line = ? AND m.state = 0 AND m.key >= ? AND {Hands.NotTaken} ORDER BY m.key LIMIT ?",
            line, session?.From ?? 0, max);
        if (session is not null && found.Count > 0)
            session.From = found[^1].Row.Key;
        return found;
    }

    private static Entity SessionEntity(Transaction transaction, string path)
    {
        var (name, isDeadLetter) = EntityPaths.Parse(path);
        var entity = transaction.Find(name) ?? throw Errors.NotFound(path);
        if (isDeadLetter)
            throw Errors.NoSessionsInDeadLetterQueue(path);
        if (!entity.RequiresSession)
            throw Errors.SessionsNotSupported(path);
        return entity;
    }

    private static (Entity Entity, long Box) Open(Transaction transaction, string path, SessionLock? session)
    {
        var (name, isDeadLetter) = EntityPaths.Parse(path);
        var entity = transaction.Find(name) ?? throw Errors.NotFound(path);
        if (entity.Kind == EntityKind.Topic)
            throw new InvalidOperationException($"Messages cannot be received from the topic '{path}', only from its subscriptions.");
        if (entity.RequiresSession && session is null && !isDeadLetter)
            throw Errors.SessionsRequired(path);
        return (entity, Keys.Box(entity.Id, isDeadLetter));
    }

    private static SessionLock Lock(Transaction transaction, Entity entity, string path, string session, long id, string owner, bool ahead)
    {
        var link = transaction.NextLock();
        var until = Sessions.Lock(transaction, entity, id, owner, link);
        return new SessionLock(path, session, id, link) { LockedUntil = new DateTimeOffset(until, TimeSpan.Zero), ReadsAhead = ahead };
    }

    private static List<Taken> TakeInHand(Transaction transaction, Entity entity, SessionLock? session, List<Taken> found, bool delete, string owner)
    {
        long? until = session is null ? transaction.Now + entity.LockDuration : null;
        for (var i = 0; i < found.Count; i++)
        {
            var row = found[i].Row;
            if (delete)
            {
                Messages.Remove(transaction, row);
                continue;
            }
            var number = transaction.NextLock();
            Hands.Take(transaction, row, number, session is null ? owner : null, until);
            found[i] = found[i] with { LockNumber = number, LockedUntil = until ?? session!.LockedUntil.UtcTicks };
        }
        return found;
    }

    private static List<Taken> Read(Transaction transaction, string sql, params ReadOnlySpan<Value> parameters) => Read(transaction.Database, sql, parameters);

    private static List<Taken> Read(Database database, string sql, params ReadOnlySpan<Value> parameters)
    {
        var found = new List<Taken>();
        var bytes = 0;
        using var rows = database.Query(sql, parameters);
        while (bytes < MaxBytesAtOnce && rows.Read())
        {
            var content = rows.Blob(7);
            bytes += content.Length;
            found.Add(new Taken(MessageRow.From(rows), rows.Int64(6), content, 0, 0));
        }
        return found;
    }
}
