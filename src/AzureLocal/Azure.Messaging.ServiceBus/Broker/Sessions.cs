using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

internal readonly record struct SessionRow(long Id, long Entity, string? Owner, long? Link, long? LockedUntil)
{
    public bool IsHeldBy(string owner, long link, long now) => Owner == owner && Link == link && LockedUntil > now;
}

/// <summary>
/// Sessions, and whose turn it is. A session that can be accepted has a ticket, and the smallest ticket is next. A session draws
/// a new one when its first message arrives and whenever it comes back with messages left: so it waits behind every session that
/// could be accepted before, and each of those goes before it once at most. None starves, however busy the others are.
/// </summary>
internal static class Sessions
{
    /// <summary>The line of a session, made if need be, for a message that becomes ready in it at once.</summary>
    public static long Join(Transaction transaction, Entity entity, string session)
    {
        long line;
        bool isHeld;
        bool hasTicket;
        using (var rows = transaction.Database.Query("SELECT id, owner IS NOT NULL, ticket IS NOT NULL FROM sb_sessions WHERE entity = ? AND session = ?", entity.Id, session))
        {
            if (!rows.Read())
            {
                rows.Dispose();
                transaction.Database.Execute("INSERT INTO sb_sessions (entity, session, ticket) VALUES (?, ?, ?)", entity.Id, session, entity.NextTicket++);
                transaction.Wake(-entity.Box);
                return transaction.Database.LastInsertRowId;
            }
            (line, isHeld, hasTicket) = (rows.Int64(0), rows.Boolean(1), rows.Boolean(2));
        }
        if (isHeld)
            transaction.Wake(line);
        else if (!hasTicket)
            DrawTicket(transaction, entity, line);
        return line;
    }

    /// <summary>The line of a session, made if need be, for one who holds it or for a message that is not ready yet.</summary>
    public static long LineOf(Transaction transaction, Entity entity, string session)
    {
        if (Find(transaction, entity.Id, session) is { } known)
            return known.Id;
        transaction.Database.Execute("INSERT INTO sb_sessions (entity, session) VALUES (?, ?)", entity.Id, session);
        return transaction.Database.LastInsertRowId;
    }

    public static SessionRow? Find(Transaction transaction, long entity, string session)
    {
        using var rows = transaction.Database.Query(
            "SELECT id, entity, owner, link, locked_until FROM sb_sessions WHERE entity = ? AND session = ?", entity, session);
        return rows.Read() ? From(rows) : null;
    }

    public static SessionRow? Find(Transaction transaction, long id)
    {
        using var rows = transaction.Database.Query("SELECT id, entity, owner, link, locked_until FROM sb_sessions WHERE id = ?", id);
        return rows.Read() ? From(rows) : null;
    }

    /// <summary>The session whose turn it is.</summary>
    public static (long Id, string Session)? Next(Transaction transaction, Entity entity)
    {
        using var rows = transaction.Database.Query(
            "SELECT id, session FROM sb_sessions WHERE entity = ? AND ticket IS NOT NULL ORDER BY ticket LIMIT 1", entity.Id);
        return rows.Read() ? (rows.Int64(0), rows.Text(1)) : null;
    }

    public static bool IsHeld(Transaction transaction, SessionLock session, string owner) =>
        Find(transaction, session.Line) is { } row && row.IsHeldBy(owner, session.Link, transaction.Now);

    public static long Lock(Transaction transaction, Entity entity, long id, string owner, long link)
    {
        var until = transaction.Now + entity.LockDuration;
        transaction.Database.Execute(
            "UPDATE sb_sessions SET ticket = NULL, owner = ?, link = ?, locked_until = ? WHERE id = ?", owner, link, until, id);
        transaction.ActAt(until);
        return until;
    }

    public static long Renew(Transaction transaction, Entity entity, long id)
    {
        var until = transaction.Now + entity.LockDuration;
        transaction.Database.Execute("UPDATE sb_sessions SET locked_until = ? WHERE id = ?", until, id);
        return until;
    }

    /// <summary>Ends the holding of a session. What was in hand counts as a failed delivery if the lock ran out, and not if it was given back.</summary>
    /// <returns>How many messages were in hand.</returns>
    public static int Free(Transaction transaction, in SessionRow row, bool isFailure)
    {
        var inHand = Hands.OfLine(transaction, row.Id);
        foreach (var message in inHand)
        {
            if (isFailure)
                Messages.CountFailure(transaction, message);
            else
                Messages.PutBack(transaction, message, message.Deliveries);
        }
        transaction.Database.Execute("UPDATE sb_sessions SET owner = NULL, link = NULL, locked_until = NULL WHERE id = ?", row.Id);
        Settle(transaction, transaction.Get(row.Entity), row.Id);
        transaction.Wake(row.Id);
        return inHand.Count;
    }

    /// <summary>Gives a session that nobody holds the ticket that it should have, or removes it when it has nothing left.</summary>
    public static void Settle(Transaction transaction, Entity entity, long id)
    {
        bool hasTicket;
        bool hasReady;
        bool hasAnything;
        using (var rows = transaction.Database.Query(
            $"""
            SELECT owner IS NOT NULL, ticket IS NOT NULL,
                EXISTS (SELECT 1 FROM sb_messages m WHERE m.line = s.id AND m.state = 0 AND {Hands.NotTaken}),
                state IS NOT NULL OR EXISTS (SELECT 1 FROM sb_messages m WHERE m.line = s.id AND {Hands.NotCompleted})
            FROM sb_sessions s WHERE id = ?
            """, id))
        {
            if (!rows.Read() || rows.Boolean(0))
                return;
            (hasTicket, hasReady, hasAnything) = (rows.Boolean(1), rows.Boolean(2), rows.Boolean(3));
        }
        if (!hasAnything)
            transaction.Database.Execute("DELETE FROM sb_sessions WHERE id = ?", id);
        else if (hasReady && !hasTicket)
            DrawTicket(transaction, entity, id);
        else if (!hasReady && hasTicket)
            transaction.Database.Execute("UPDATE sb_sessions SET ticket = NULL WHERE id = ?", id);
    }

    public static byte[]? ReadState(Database database, long id)
    {
        using var rows = database.Query("SELECT state FROM sb_sessions WHERE id = ?", id);
        return rows.Read() ? rows.BlobOrNull(0) : null;
    }

    public static void WriteState(Database database, long id, byte[]? state) =>
        database.Execute("UPDATE sb_sessions SET state = ? WHERE id = ?", state, id);

    private static void DrawTicket(Transaction transaction, Entity entity, long id)
    {
        transaction.Database.Execute("UPDATE sb_sessions SET ticket = ? WHERE id = ?", entity.NextTicket++, id);
        transaction.Wake(-entity.Box);
    }

    private static SessionRow From(Rows rows) =>
        new(rows.Int64(0), rows.Int64(1), rows.TextOrNull(2), rows.Int64OrNull(3), rows.Int64OrNull(4));
}
