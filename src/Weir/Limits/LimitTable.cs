using Azure;
using Azure.Data.Tables;

namespace Weir.Limits;

/// <summary>The table Limits. Partition "rate": for each limit in force, up to where its slots are reserved.</summary>
internal sealed partial class LimitTable(TableServiceClient tables) : IStoredTable
{
    private const string RatePartition = "rate";
    private const string Next = "Next";

    private readonly TableClient table = tables.GetTableClient("Limits");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Where the next slot of a limit may lie at the earliest; null when none was ever reserved.</summary>
    public async Task<Reserved?> FindReservedAsync(string limit, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(RatePartition, limit, cancellationToken: cancellation);
        return answer is { HasValue: true, Value: { } row }
            ? new Reserved(new DateTimeOffset(row.GetInt64(Next) ?? throw new InvalidDataException($"The limit {limit} has no {Next}: its row was not written by Weir, or damaged."), TimeSpan.Zero), row.ETag)
            : null;
    }

    /// <summary>The same of all limits.</summary>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> ReadReservedAsync(CancellationToken cancellation)
    {
        var reserved = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {RatePartition}"), cancellationToken: cancellation))
            reserved[row.RowKey] = new DateTimeOffset(row.GetInt64(Next) ?? 0, TimeSpan.Zero);
        return reserved;
    }

    /// <summary>Reserves what lies before <paramref name="next"/>, if nobody else has reserved since <paramref name="before"/> was read.</summary>
    /// <returns>What is reserved now; null when somebody has.</returns>
    public async Task<Reserved?> ReserveAsync(string limit, Reserved? before, DateTimeOffset next, CancellationToken cancellation)
    {
        var row = new TableEntity(RatePartition, limit) { [Next] = next.UtcTicks };
        try
        {
            var response = before is null
                ? await table.AddEntityAsync(row, cancellation)
                : await table.UpdateEntityAsync(row, before.ETag, TableUpdateMode.Replace, cancellation);
            return new Reserved(next, response.Headers.ETag ?? throw new InvalidDataException("Table storage answered a write without an ETag."));
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }
}

/// <param name="Next">All slots before this are somebody's.</param>
/// <param name="ETag">The row as it was read or written.</param>
internal sealed record Reserved(DateTimeOffset Next, ETag ETag);
