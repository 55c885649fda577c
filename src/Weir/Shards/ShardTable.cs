using Azure;
using Azure.Data.Tables;

namespace Weir.Shards;

/// <summary>
/// The table Shards, in the front's own storage account: which shard a tenant is pinned to. A row is written once and never changed, so that whoever has read it may keep
/// it. A partition for each tenant: a new one costs two operations, of 20,000 a second that an account has.
/// </summary>
internal sealed class ShardTable(TableServiceClient tables, TimeProvider clock)
{
    private const string Row = "shard";
    private const string Name = "Shard";
    private const string AssignedAt = "AssignedAt";

    private readonly TableClient table = tables.GetTableClient("Shards");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public async Task<string?> FindAsync(string tenant, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(tenant, Row, cancellationToken: cancellation);
        return answer.HasValue ? answer.Value!.GetString(Name) : null;
    }

    /// <summary>False when another front was first.</summary>
    public async Task<bool> TryAddAsync(string tenant, string shard, CancellationToken cancellation)
    {
        try
        {
            await table.AddEntityAsync(new TableEntity(tenant, Row) { [Name] = shard, [AssignedAt] = clock.GetUtcNow() }, cancellation);
            return true;
        }
        catch (RequestFailedException taken) when (taken.Status == 409)
        {
            return false;
        }
    }
}
