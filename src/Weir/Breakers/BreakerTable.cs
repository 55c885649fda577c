using Azure.Data.Tables;

namespace Weir.Breakers;

/// <summary>The rows "breaker" of the table Controls: which dependency is known to be down, until when, and who found out.</summary>
internal sealed class BreakerTable(TableServiceClient tables)
{
    private const string Partition = "breaker";
    private const string OpenUntil = "OpenUntil";
    private const string OpenedBy = "OpenedBy";

    private readonly TableClient table = tables.GetTableClient("Controls");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>The last writer wins: each of them knows that the dependency is down now.</summary>
    public Task OpenAsync(string dependency, DateTimeOffset until, string instance, CancellationToken cancellation) =>
        table.UpsertEntityAsync(new TableEntity(Partition, dependency) { [OpenUntil] = until, [OpenedBy] = instance }, TableUpdateMode.Replace, cancellation);

    /// <summary>Those that are open now; one row for each dependency that was ever down, so there are few.</summary>
    public async Task<IReadOnlyList<(string Dependency, DateTimeOffset Until)>> ReadOpenAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var open = new List<(string, DateTimeOffset)>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and OpenUntil gt {now}"), cancellationToken: cancellation))
            open.Add((row.RowKey, row.GetDateTimeOffset(OpenUntil) ?? default));
        return open;
    }
}
