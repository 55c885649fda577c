using Azure.Data.Tables;

namespace Weir.Breakers;

/// <summary>The rows "breaker" of the table Controls: which dependency is known to be down, until when, and who found out.</summary>
internal sealed class BreakerTable(TableServiceClient tables) : IStoredTable
{
    public const string Partition = "breaker";

    private const string OpenUntil = "OpenUntil";
    private const string OpenedBy = "OpenedBy";

    private readonly TableClient table = tables.GetTableClient("Controls");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>The last writer wins: each of them knows that the dependency is down now.</summary>
    public Task OpenAsync(string dependency, DateTimeOffset until, string instance, CancellationToken cancellation) =>
        table.UpsertEntityAsync(new TableEntity(Partition, dependency) { [OpenUntil] = until, [OpenedBy] = instance }, TableUpdateMode.Replace, cancellation);

    /// <summary>A row of the table: who reads it reads the operators' controls with it.</summary>
    public static (string Dependency, DateTimeOffset Until) Of(TableEntity row) => (row.RowKey, row.GetDateTimeOffset(OpenUntil) ?? default);
}
