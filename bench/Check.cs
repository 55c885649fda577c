using Azure.Data.Tables;

namespace Bench;

/// <summary>What must hold after a run; a figure whose run fails one is none.</summary>
internal static class Check
{
    public static void That(bool holds, string what)
    {
        if (!holds)
            throw new InvalidOperationException($"Check failed: {what}");
    }

    /// <summary>How many receipts there are in each state, and with how many attempts.</summary>
    public static async Task<Dictionary<(string State, int Attempts), int>> ReceiptsAsync(App app)
    {
        var counts = new Dictionary<(string, int), int>();
        var rows = app.Receipts.QueryAsync<TableEntity>("RowKey eq 'job'", maxPerPage: 1_000, select: ["State", "Attempt"]);
        await foreach (var row in rows)
        {
            var key = (row.GetString("State")!, row.GetInt32("Attempt") ?? 0);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        return counts;
    }

    /// <summary>All accepted jobs are final, each with the attempts it should have had, and each had one effect.</summary>
    public static async Task AllRanOnceAsync(App app, RunOptions run, int jobs)
    {
        That(app.Tally.Runs.Take(jobs).All(count => count == 1), "each job had one effect");
        var receipts = await ReceiptsAsync(app);
        var retried = run.Type == BenchJobs.Retried ? (jobs + BenchJobs.FailEvery - 1) / BenchJobs.FailEvery : 0;
        That(receipts.GetValueOrDefault(("Succeeded", 2)) == retried && receipts.GetValueOrDefault(("Succeeded", 1)) == jobs - retried && receipts.Values.Sum() == jobs,
            $"every receipt is final: {string.Join(", ", receipts.Select(one => $"{one.Value} {one.Key.State} after {one.Key.Attempts}"))}");
    }
}
