using System.Globalization;
using Azure.Data.Tables;

namespace Weir.Cancellation;

/// <summary>
/// The table Cancellations: which running jobs were to stop in the last minutes, for the instances that run them. A notice only makes it
/// quick: the request is on the receipt, where the job's owner finds it at the next renewal at the latest.
/// </summary>
internal sealed class CancelNotices(TableServiceClient tables, TimeProvider clock) : IStoredTable
{
    public const string Name = "Cancellations";

    private const string Partition = "cancel";
    private const string Attempt = "Attempt";

    /// <summary>The most notices that are read at once; whoever is not among them has the receipt.</summary>
    private const int Most = 5_000;

    /// <summary>Old notices go with new ones, this many at a time: what a transaction holds.</summary>
    private const int SweptAtOnce = 100;

    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(10);

    private readonly TableClient table = tables.GetTableClient(Name);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public async Task AddAsync(string jobId, int? attempt, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var notice = new TableEntity(Partition, $"{Key(now)}-{jobId}");
        if (attempt is { } number)
            notice[Attempt] = number;
        await table.UpsertEntityAsync(notice, TableUpdateMode.Replace, cancellation);
        await RemoveOldAsync(now, cancellation);
    }

    /// <summary>The notices since a time: jobs, with the attempt that is to stop; null is any.</summary>
    public async Task<IReadOnlyList<(string JobId, int? Attempt)>> SinceAsync(DateTimeOffset since, CancellationToken cancellation)
    {
        var notices = new List<(string, int?)>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey ge {Key(since)}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            notices.Add((row.RowKey[(row.RowKey.IndexOf('-') + 1)..], row.GetInt32(Attempt)));
            if (notices.Count == Most)
                break;
        }
        return notices;
    }

    private async Task RemoveOldAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey lt {Key(now - KeptFor)}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: SweptAtOnce, cancellationToken: cancellation).AsPages())
        {
            foreach (var old in page.Values)
                await table.DeleteEntityAsync(old.PartitionKey, old.RowKey, cancellationToken: cancellation);
            return;
        }
    }

    private static string Key(DateTimeOffset time) => time.UtcTicks.ToString("D19", CultureInfo.InvariantCulture);
}
