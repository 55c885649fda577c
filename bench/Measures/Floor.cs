using AzureLocal.Storage;

namespace Bench.Measures;

/// <summary>What the disk and SQLite give with nothing above them, with the same settings: 4 KiB appends forced to the disk, single rows and 500 rows a transaction.</summary>
internal static class Floor
{
    private static readonly TimeSpan Each = TimeSpan.FromSeconds(2);

    public static Task<Dictionary<string, double>> RunAsync(RunOptions run)
    {
        Directory.CreateDirectory(run.Data);
        return Task.FromResult(new Dictionary<string, double>
        {
            ["fsyncs_per_s"] = Appends(Path.Combine(run.Data, "append")),
            ["sqlite_transactions_per_s"] = Rows(Path.Combine(run.Data, "single.db"), perTransaction: 1),
            ["sqlite_rows_per_s"] = Rows(Path.Combine(run.Data, "many.db"), perTransaction: 500),
        });
    }

    private static double Appends(string file)
    {
        using var handle = File.OpenHandle(file, FileMode.CreateNew, FileAccess.Write);
        var block = new byte[4096];
        var (count, start) = (0L, TimeProvider.System.GetTimestamp());
        while (TimeProvider.System.GetElapsedTime(start) < Each)
        {
            RandomAccess.Write(handle, block, count++ * block.Length);
            RandomAccess.FlushToDisk(handle);
        }
        return count / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
    }

    private static double Rows(string file, int perTransaction)
    {
        using var database = Database.Open(file);
        database.Script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE job (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
        var body = new string('x', 200);
        var (count, start) = (0L, TimeProvider.System.GetTimestamp());
        while (TimeProvider.System.GetElapsedTime(start) < Each)
        {
            database.Execute("BEGIN IMMEDIATE");
            for (var i = 0; i < perTransaction; i++, count++)
                database.Execute("INSERT INTO job (body) VALUES (?)", body);
            database.Execute("COMMIT");
        }
        return count / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
    }
}
