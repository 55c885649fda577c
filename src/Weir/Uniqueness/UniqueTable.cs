using Azure;
using Azure.Data.Tables;
using Weir.Submission;

namespace Weir.Uniqueness;

/// <summary>
/// The table Uniques: for each key that is in use, which job holds it. The row only points: whether that job still counts is for its
/// receipt to say, so that no crash leaves a key taken by nobody.
/// </summary>
internal sealed class UniqueTable(TableServiceClient tables) : IStoredTable
{
    public const string Name = "Uniques";

    private const string RowKey = "holder";

    private readonly TableClient table = tables.GetTableClient(Name);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Where a key's row is: hashed, since a client's key may hold what Table storage forbids.</summary>
    public static string IdOf(string tenant, string type, string key) => JobId.FromKey(tenant, type, key);

    public async Task<UniqueRow?> FindAsync(string id, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(id, RowKey, cancellationToken: cancellation);
        return answer.HasValue ? UniqueRow.Of(answer.Value!) : null;
    }

    /// <returns>False when somebody else has written the row since it was read; nothing is changed then.</returns>
    public async Task<bool> WriteAsync(UniqueRow row, CancellationToken cancellation)
    {
        try
        {
            if (row.ETag is { } expected)
                await table.UpdateEntityAsync(row.ToEntity(RowKey), expected, TableUpdateMode.Replace, cancellation);
            else
                await table.AddEntityAsync(row.ToEntity(RowKey), cancellation);
            return true;
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return false;
        }
    }

    /// <inheritdoc cref="WriteAsync"/>
    public async Task<bool> RemoveAsync(UniqueRow row, CancellationToken cancellation)
    {
        try
        {
            await table.DeleteEntityAsync(row.Id, RowKey, row.ETag ?? throw new InvalidOperationException("The row was never read."), cancellation);
            return true;
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 412)
        {
            return false;
        }
    }

    /// <summary>The rows whose key has become free, up to <paramref name="most"/>.</summary>
    public async Task<IReadOnlyList<UniqueRow>> FindFreeAsync(DateTimeOffset now, int most, CancellationToken cancellation)
    {
        var rows = new List<UniqueRow>();
        var filter = TableClient.CreateQueryFilter($"FreeAt lt {now}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            rows.Add(UniqueRow.Of(row));
            if (rows.Count == most)
                break;
        }
        return rows;
    }
}

/// <summary>One key that is in use.</summary>
/// <param name="Id">See <see cref="UniqueTable.IdOf"/>.</param>
/// <param name="Holder">The job that holds it.</param>
internal sealed record UniqueRow(string Id, string Holder)
{
    /// <summary>The one job that waits for the holder to end.</summary>
    public string? Waiting { get; init; }

    /// <summary>
    /// Jobs whose place others have taken, the newest first: to be cancelled by whoever wrote them here, and again by whoever comes next, in case that
    /// one was cut off.
    /// </summary>
    public IReadOnlyList<string> Superseded { get; init; } = [];

    /// <summary>When the key becomes free, once its holder has ended and the key is to stay taken for a while.</summary>
    public DateTimeOffset? FreeAt { get; init; }

    /// <summary>As it was read; null for a row that is not there yet.</summary>
    public ETag? ETag { get; init; }

    public static UniqueRow Of(TableEntity row) => new(row.PartitionKey, row.GetString(nameof(Holder)) ?? "")
    {
        Waiting = row.GetString(nameof(Waiting)) is { Length: > 0 } waiting ? waiting : null,
        Superseded = row.GetString(nameof(Superseded))?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [],
        FreeAt = row.GetDateTimeOffset(nameof(FreeAt)),
        ETag = row.ETag,
    };

    public TableEntity ToEntity(string rowKey)
    {
        var row = new TableEntity(Id, rowKey) { [nameof(Holder)] = Holder };
        if (Waiting is not null)
            row[nameof(Waiting)] = Waiting;
        if (Superseded.Count > 0)
            row[nameof(Superseded)] = string.Join(',', Superseded);
        if (FreeAt is { } freeAt)
            row[nameof(FreeAt)] = freeAt;
        return row;
    }
}
