using AzureLocal.Storage;

namespace Azure.Data.Tables;

/// <summary>
/// The tables that a transaction writes to, with the last ETag that each has given: read once and written once, however many operations share the transaction.
/// (An UPDATE ... RETURNING for each of them made a temporary table every time, which was a third of what SQLite did.)
/// </summary>
internal sealed class ETagNumbers : TransactionState
{
    private const string Find = "SELECT id, last_etag FROM tables WHERE name = ?1";
    private const string Save = "UPDATE tables SET last_etag = ?2 WHERE id = ?1";

    private readonly Dictionary<string, long> ids = new(StringComparer.Ordinal);
    private readonly Dictionary<long, long> last = [];

    /// <summary>Takes numbers in a row. False when there is no such table.</summary>
    public bool TryTake(Database database, string table, int count, out long id, out long first)
    {
        (id, first) = (0, 0);
        if (!ids.TryGetValue(table, out id))
        {
            using var rows = database.Query(Find, table);
            if (!rows.Read())
                return false;
            id = rows.Int64(0);
            last.TryAdd(id, rows.Int64(1)); // it may be known under another spelling already
            ids.Add(table, id);
        }
        first = last[id] + 1;
        last[id] += count;
        return true;
    }

    /// <summary>A table is dropped: another of its name has other numbers.</summary>
    public void Forget(Database database)
    {
        Flush(database);
        ids.Clear();
        last.Clear();
    }

    public override void Flush(Database database)
    {
        foreach (var (id, number) in last)
            database.Execute(Save, id, number);
    }
}
