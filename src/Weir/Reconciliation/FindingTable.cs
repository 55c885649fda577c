using Azure;
using Azure.Data.Tables;
using Weir.Instances;
using Weir.Index;
using Weir.Telemetry;

namespace Weir.Reconciliation;

/// <summary>The table Findings: what the reconciler came upon, the newest first; and the row that says whose turn it is to reconcile.</summary>
internal sealed class FindingTable(TableServiceClient tables) : IStoredTable
{
    private const int Batch = 100;
    private const string LeasePartition = "lease";
    private const string LeaseRow = "reconciler";

    private readonly TableClient table = tables.GetTableClient("Findings");

    /// <summary>To reconcile.</summary>
    public Turn Turn { get; } = new(tables.GetTableClient("Findings"), LeasePartition, LeaseRow);

    /// <summary>To send jobs through the queues and see whether they work.</summary>
    public Turn SyntheticTurn { get; } = new(tables.GetTableClient("Findings"), LeasePartition, "synthetic-check");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Written again it is the same row.</summary>
    public async Task AddAsync(Finding finding, CancellationToken cancellation)
    {
        await table.UpsertEntityAsync(finding.ToRow(), TableUpdateMode.Replace, cancellation);
        JobMetrics.Found(finding);
    }

    /// <summary>The findings after a row, and where to go on; null at the end.</summary>
    /// <param name="tenant">Whose; null is everybody's, and what concerns no single job.</param>
    public async Task<(IReadOnlyList<Finding> Found, string? Next)> ReadAsync(string after, int most, string? tenant, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Finding.Partition} and RowKey gt {after}");
        if (tenant is not null)
            filter += TableClient.CreateQueryFilter($" and Tenant eq {tenant}");
        var found = new List<Finding>();
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation))
        {
            found.Add(Finding.Of(row));
            if (found.Count == most)
                return (found, found[^1].Row);
        }
        return (found, null);
    }

    /// <summary>Removes up to a thousand that are older.</summary>
    public async Task RemoveBeforeAsync(DateTimeOffset time, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Finding.Partition} and RowKey gt {IndexKey.At(time)}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: 1_000, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation).AsPages())
        {
            foreach (var some in page.Values.Chunk(Batch))
                await table.SubmitTransactionAsync(some.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(row.PartitionKey, row.RowKey), ETag.All)), cancellation);
            return;
        }
    }
}
