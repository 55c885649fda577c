using AzureLocal.Storage;

namespace Contract.Tests.ServiceBus;

/// <summary>Looks under the broker's skin: how many rows are left, and how a query would be answered.</summary>
internal static class Rows
{
    public static long Count(Database database, string table)
    {
        using var rows = database.Query($"SELECT count(*) FROM {table}");
        return rows.Read() ? rows.Int64(0) : 0;
    }

    /// <summary>The messages that are left. Completed ones are cleared away by the hundred.</summary>
    public static long Messages(Database database) =>
        Count(database, "sb_messages") - Count(database, "sb_taken WHERE completed = 1");

    public static string Plan(Database database, string sql)
    {
        var steps = new List<string>();
        using var rows = database.Query($"EXPLAIN QUERY PLAN {sql}");
        while (rows.Read())
            steps.Add(rows.Text(3));
        return string.Join("; ", steps);
    }
}
