using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>A message in a receiver's hand. In a session, owner and time are the session's.</summary>
internal readonly record struct Hand(long Key, long Line, long Lock, string? Owner, long? LockedUntil);

/// <summary>
/// Which messages are taken: in a receiver's hand, or completed since the last clearing. What happens to nearly every message, that it is taken once and completed,
/// is two changes of one small row; the message's own row is removed later with its neighbours, by which whole pages come free.
/// </summary>
internal static class Hands
{
    /// <summary>The condition that a message <c>m</c> can be taken.</summary>
    public const string NotTaken = "NOT EXISTS (SELECT 1 FROM sb_taken t WHERE t.key = m.key)";

    /// <summary>The condition that a message <c>m</c> is still there, in a hand or not.</summary>
    public const string NotCompleted = "NOT EXISTS (SELECT 1 FROM sb_taken t WHERE t.key = m.key AND t.completed)";

    /// <summary>So many completed messages stay: 50 sessions drift some thousand messages apart, and a page comes free only when all of its five messages are completed.</summary>
    private const int Kept = 1_024;

    /// <summary>The oldest beyond those go, so many at once: half a millisecond of the store's one writer.</summary>
    private const int ClearedTogether = 64;

    public static void Take(Transaction transaction, in MessageRow row, long lockNumber, string? owner, long? lockedUntil)
    {
        transaction.Database.Execute(
            "INSERT INTO sb_taken (key, line, lock, owner, locked_until) VALUES (?, ?, ?, ?, ?)", row.Key, row.Line, lockNumber, owner, lockedUntil);
        if (row.TimeToLive is not null)
            transaction.Database.Execute("UPDATE sb_messages SET due = NULL WHERE key = ?", row.Key);
        if (lockedUntil is { } time)
            transaction.ActAt(time);
    }

    public static Hand? Find(Transaction transaction, long key)
    {
        using var rows = transaction.Database.Query("SELECT line, lock, owner, locked_until FROM sb_taken WHERE key = ? AND completed = 0", key);
        return rows.Read() ? new Hand(key, rows.Int64(0), rows.Int64(1), rows.TextOrNull(2), rows.Int64OrNull(3)) : null;
    }

    /// <summary>What the holder of a session has in hand, oldest first.</summary>
    public static List<MessageRow> OfLine(Transaction transaction, long line)
    {
        var found = new List<MessageRow>();
        using var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns} FROM sb_taken t CROSS JOIN sb_messages m ON m.key = t.key WHERE t.line = ? AND t.completed = 0 ORDER BY t.key", line);
        while (rows.Read())
            found.Add(MessageRow.From(rows));
        return found;
    }

    public static void Renew(Transaction transaction, long key, long until) =>
        transaction.Database.Execute("UPDATE sb_taken SET locked_until = ? WHERE key = ?", until, key);

    /// <summary>The message is in no hand any more; no matter if it was in none.</summary>
    public static void Empty(Transaction transaction, long key) => transaction.Database.Execute("DELETE FROM sb_taken WHERE key = ?", key);

    public static void Complete(Transaction transaction, in Hand hand)
    {
        if (hand.Line > 0)
            transaction.Database.Execute("UPDATE sb_taken SET completed = 1 WHERE key = ?", hand.Key);
        else
            Remove(transaction.Database, hand.Key); // without a session, whose holder remembers how far it is, each receive would walk past the completed ones
        var box = Keys.BoxOf(hand.Key);
        var entity = transaction.Get(Keys.Entity(box));
        if (Keys.IsDeadLetter(box))
            entity.Dead--;
        else
            entity.Active--;
        if (hand.Line > 0 && transaction.CountCompleted() is var count && count > Kept && count % ClearedTogether == 0)
            Clear(transaction.Database, ClearedTogether);
    }

    private static void Remove(Database database, long key)
    {
        database.Execute("DELETE FROM sb_taken WHERE key = ?", key);
        database.Execute("DELETE FROM sb_messages WHERE key = ?", key);
    }

    /// <summary>Removes all completed messages.</summary>
    public static void Clear(Database database) => Clear(database, -1);

    private static void Clear(Database database, int most)
    {
        database.Execute("DELETE FROM sb_messages WHERE key IN (SELECT key FROM sb_taken WHERE completed = 1 ORDER BY key LIMIT ?)", most);
        database.Execute("DELETE FROM sb_taken WHERE key IN (SELECT key FROM sb_taken WHERE completed = 1 ORDER BY key LIMIT ?)", most);
    }
}
