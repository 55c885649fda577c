using AzureLocal.Storage;

namespace AzureLocal.ServiceBus;

/// <summary>
/// What has to happen because time has passed: scheduled messages become active, messages and locks expire. Every receive does what
/// is due first, and a timer does while somebody waits, so nothing here depends on a clock running in the background.
/// </summary>
internal static class DueWork
{
    /// <summary>The most that one call does for others; what is left is done by the next, or by the timer.</summary>
    public const int StepsPerCall = 256;

    private const string TtlExpired = "TTLExpiredException";
    private const string TtlExpiredDescription = "The message expired and was dead lettered.";

    /// <summary>Does what is due, at most that many steps of each kind, and asks to be called again if there was more.</summary>
    public static void Run(Transaction transaction, int steps)
    {
        if (transaction.Group.IsDueDone)
            return;
        var isMore = Messages(transaction, steps);
        isMore |= MessageLocks(transaction, steps);
        isMore |= SessionLocks(transaction, steps);
        if (isMore)
            transaction.ActAt(transaction.Now);
        else
            transaction.Group.IsDueDone = true;
    }

    /// <summary>When something is due next.</summary>
    public static long Next(Database database) => Math.Min(
        First(database, "SELECT due FROM sb_messages WHERE due IS NOT NULL ORDER BY due LIMIT 1"),
        Math.Min(
            First(database, "SELECT locked_until FROM sb_taken WHERE locked_until IS NOT NULL ORDER BY locked_until LIMIT 1"),
            First(database, "SELECT locked_until FROM sb_sessions WHERE locked_until IS NOT NULL ORDER BY locked_until LIMIT 1")));

    /// <summary>Frees all that these connections hold: one of them, or those of a process.</summary>
    public static void Free(Transaction transaction, Func<string, bool> isGone, bool isFailure)
    {
        foreach (var session in SessionsHeld(transaction).Where(session => isGone(session.Owner!)))
            Sessions.Free(transaction, session, isFailure);
        foreach (var message in MessagesInHand(transaction, isGone))
        {
            if (isFailure)
                ServiceBus.Messages.CountFailure(transaction, message);
            else
                ServiceBus.Messages.PutBack(transaction, message, message.Deliveries);
        }
    }

    /// <summary>The connections that hold anything.</summary>
    public static List<string> Owners(Database database)
    {
        var owners = new List<string>();
        using var rows = database.Query(
            """
            SELECT DISTINCT owner FROM sb_sessions INDEXED BY sb_sessions_locked WHERE locked_until IS NOT NULL
            UNION SELECT DISTINCT owner FROM sb_taken INDEXED BY sb_taken_locked WHERE locked_until IS NOT NULL
            """);
        while (rows.Read())
            owners.Add(rows.Text(0));
        return owners;
    }

    private static bool Messages(Transaction transaction, int steps)
    {
        var due = new List<MessageRow>();
        using (var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns} FROM sb_messages m INDEXED BY sb_messages_due WHERE m.due <= ? ORDER BY m.due LIMIT ?", transaction.Now, steps))
        {
            while (rows.Read())
                due.Add(MessageRow.From(rows));
        }
        foreach (var row in due)
        {
            if (row.State == MessageState.Scheduled)
                Sending.Activate(transaction, row);
            else
                Expire(transaction, row, steps);
        }
        return due.Count == steps;
    }

    /// <summary>In a session all ready messages go along with the first that expires: documented, if surprising.</summary>
    private static void Expire(Transaction transaction, in MessageRow row, int steps)
    {
        if (row.Line < 0)
        {
            ExpireOne(transaction, row);
            return;
        }
        if (ServiceBus.Messages.Find(transaction, row.Key) is null)
            return; // went along with another one
        var ready = ServiceBus.Messages.Ready(transaction, row.Line, steps);
        foreach (var message in ready)
        {
            // The expired one goes last: while it is there, the next call goes on with a session that has more than one call may do.
            if (message.Key != row.Key)
                ExpireOne(transaction, message);
        }
        if (ready.Count < steps)
            ExpireOne(transaction, row);
        Sessions.Settle(transaction, transaction.Get(Keys.Entity(row.Box)), row.Line);
    }

    private static void ExpireOne(Transaction transaction, in MessageRow row)
    {
        if (transaction.Get(Keys.Entity(row.Box)).DeadLetterExpired)
            ServiceBus.Messages.DeadLetter(transaction, row, TtlExpired, TtlExpiredDescription);
        else
            ServiceBus.Messages.Remove(transaction, row);
    }

    private static bool MessageLocks(Transaction transaction, int steps)
    {
        var due = new List<MessageRow>();
        using (var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns} FROM sb_taken t INDEXED BY sb_taken_locked CROSS JOIN sb_messages m ON m.key = t.key WHERE t.locked_until <= ? ORDER BY t.locked_until LIMIT ?",
            transaction.Now, steps))
        {
            while (rows.Read())
                due.Add(MessageRow.From(rows));
        }
        foreach (var row in due)
            ServiceBus.Messages.CountFailure(transaction, row);
        return due.Count == steps;
    }

    private static bool SessionLocks(Transaction transaction, int steps)
    {
        var due = new List<SessionRow>();
        using (var rows = transaction.Database.Query(
            "SELECT id, entity, owner, link, locked_until FROM sb_sessions INDEXED BY sb_sessions_locked WHERE locked_until <= ? ORDER BY locked_until LIMIT ?",
            transaction.Now, steps))
        {
            while (rows.Read())
                due.Add(new SessionRow(rows.Int64(0), rows.Int64(1), rows.Text(2), rows.Int64(3), rows.Int64(4)));
        }
        foreach (var row in due)
            Sessions.Free(transaction, row, isFailure: true);
        return due.Count == steps;
    }

    private static List<SessionRow> SessionsHeld(Transaction transaction)
    {
        var held = new List<SessionRow>();
        using var rows = transaction.Database.Query(
            "SELECT id, entity, owner, link, locked_until FROM sb_sessions INDEXED BY sb_sessions_locked WHERE locked_until IS NOT NULL");
        while (rows.Read())
            held.Add(new SessionRow(rows.Int64(0), rows.Int64(1), rows.Text(2), rows.Int64(3), rows.Int64(4)));
        return held;
    }

    private static List<MessageRow> MessagesInHand(Transaction transaction, Func<string, bool> isOf)
    {
        var held = new List<MessageRow>();
        using var rows = transaction.Database.Query(
            $"SELECT {MessageRow.Columns}, t.owner FROM sb_taken t INDEXED BY sb_taken_locked CROSS JOIN sb_messages m ON m.key = t.key WHERE t.locked_until IS NOT NULL");
        while (rows.Read())
        {
            if (isOf(rows.Text(6)))
                held.Add(MessageRow.From(rows));
        }
        return held;
    }

    private static long First(Database database, string sql)
    {
        using var rows = database.Query(sql);
        return rows.Read() ? rows.Int64(0) : long.MaxValue;
    }
}
