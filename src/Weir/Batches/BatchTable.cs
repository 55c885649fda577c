using System.Globalization;
using Azure;
using Azure.Data.Tables;
using static Weir.Batches.Batch;

namespace Weir.Batches;

/// <summary>
/// The table Batches: a partition for each batch (its row, its shards, its refused items); a partition "list" with a line for each, newest first; and a
/// partition "open" of those that still have something to be done for them.
/// </summary>
internal sealed class BatchTable(TableServiceClient tables) : IStoredTable
{
    private const string ListPartition = "list";
    private const string OpenPartition = "open";
    private const string RefusedPrefix = "wrong-";
    private const int MaxConflicts = 16;
    private const int MostLines = 10_000;
    private const int AtOnce = 100; // what a transaction takes
    private const long LastMillisecond = 253_402_300_799_999; // of the year 9999

    private readonly TableClient table = tables.GetTableClient("Batches");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>
    /// The batch's row, once it is found in the list and among the open ones: a crash in between leaves lines that lead nowhere, and no batch without them.
    /// </summary>
    /// <returns>The batch there is now, made by this call or before it.</returns>
    public async Task<Batch> AddAsync(TableEntity row, CancellationToken cancellation)
    {
        var createdAt = row.GetDateTimeOffset(Column.CreatedAt)!.Value;
        await OpenAsync(row.PartitionKey, cancellation);
        await table.UpsertEntityAsync(new TableEntity(ListPartition, ListKey(createdAt, row.PartitionKey)) { [Column.Tenant] = row.GetString(Column.Tenant)! }, TableUpdateMode.Replace, cancellation);
        try
        {
            await table.AddEntityAsync(row, cancellation);
        }
        catch (RequestFailedException conflict) when (conflict.Status == 409)
        {
            // The same request under the same key: that one's row is the batch's.
        }
        return await FindAsync(row.PartitionKey, cancellation) ?? throw new InvalidDataException($"The row of batch {row.PartitionKey} was there and is gone.");
    }

    public async Task<Batch?> FindAsync(string batchId, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(batchId, Row, cancellationToken: cancellation);
        return answer.HasValue ? new Batch(answer.Value!) : null;
    }

    /// <summary>The batch with its shards: one query of at most 33 rows.</summary>
    public async Task<BatchStanding?> ReadAsync(string batchId, CancellationToken cancellation)
    {
        Batch? batch = null;
        var found = new List<BatchShard>();
        DateTimeOffset? countedAt = null;
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {batchId} and RowKey ge {Row} and RowKey lt {BatchShard.RowPrefix + "~"}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            if (row.RowKey == Row)
            {
                batch = new Batch(row);
                continue;
            }
            found.Add(BatchShard.Of(row));
            countedAt = row.Timestamp > countedAt || countedAt is null ? row.Timestamp : countedAt;
        }
        if (batch is null)
            return null;
        var shards = Enumerable.Range(0, batch.Shards).Select(BatchShard.Empty).ToArray();
        foreach (var shard in found.Where(shard => shard.Number < shards.Length))
            shards[shard.Number] = shard;
        return new BatchStanding(batch, shards) { CountedAt = countedAt };
    }

    /// <summary>Writes some shards, all or none, each only if nobody else has since it was read.</summary>
    /// <returns>The shards as they are now; null when somebody has.</returns>
    public async Task<IReadOnlyList<BatchShard>?> WriteAsync(string batchId, IReadOnlyList<BatchShard> shards, CancellationToken cancellation)
    {
        var actions = shards.Select(shard => shard.ETag is { } known
            ? new TableTransactionAction(TableTransactionActionType.UpdateReplace, shard.ToRow(batchId), known)
            : new TableTransactionAction(TableTransactionActionType.Add, shard.ToRow(batchId)));
        try
        {
            var answers = await table.SubmitTransactionAsync(actions, cancellation);
            return [.. shards.Zip(answers.Value, (shard, answer) => shard.Written(answer.Headers.ETag ?? throw new InvalidDataException("Table storage answered a write without an ETag.")))];
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    /// <summary>Changes the batch's row as its present state asks; again when somebody else was quicker.</summary>
    /// <param name="batchId">The batch.</param>
    /// <param name="change">The columns to write; null for none.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The batch, changed or not; null when there is none.</returns>
    public async Task<Batch?> ChangeAsync(string batchId, Func<Batch, Dictionary<string, object>?> change, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxConflicts; tries++)
        {
            if (await FindAsync(batchId, cancellation) is not { } batch || change(batch) is not { } columns)
                return await FindAsync(batchId, cancellation);
            try
            {
                await table.UpdateEntityAsync(new TableEntity(columns) { PartitionKey = batchId, RowKey = Row }, batch.ETag, TableUpdateMode.Merge, cancellation);
                return await FindAsync(batchId, cancellation);
            }
            catch (RequestFailedException changed) when (changed.Status is 412)
            {
                // Read again.
            }
        }
        throw new TimeoutException($"The row of batch {batchId} changed {MaxConflicts} times while it was to be written.");
    }

    /// <summary>Keeps why items were refused. Doing it again writes the same rows.</summary>
    public async Task RefuseAsync(string batchId, IEnumerable<ItemRefusal> refusals, CancellationToken cancellation)
    {
        foreach (var some in refusals.Chunk(AtOnce))
        {
            await table.SubmitTransactionAsync(
                some.Select(refusal => new TableTransactionAction(TableTransactionActionType.UpsertReplace, refusal.ToRow(batchId, RefusedKey(refusal.Index)))), cancellation);
        }
    }

    /// <summary>Why the items of a range were refused; those that were not are not among them.</summary>
    public async Task<IReadOnlyDictionary<int, ItemRefusal>> RefusalsAsync(string batchId, int first, int last, CancellationToken cancellation)
    {
        var refusals = new Dictionary<int, ItemRefusal>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {batchId} and RowKey ge {RefusedKey(first)} and RowKey le {RefusedKey(last)}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            var refusal = ItemRefusal.Of(row, int.Parse(row.RowKey.AsSpan(RefusedPrefix.Length), CultureInfo.InvariantCulture));
            refusals[refusal.Index] = refusal;
        }
        return refusals;
    }

    public Task OpenAsync(string batchId, CancellationToken cancellation) =>
        table.UpsertEntityAsync(new TableEntity(OpenPartition, batchId), TableUpdateMode.Replace, cancellation);

    public Task CloseAsync(string batchId, CancellationToken cancellation) => table.DeleteEntityAsync(OpenPartition, batchId, ETag.All, cancellation);

    /// <summary>The batches that still have something to be done for them, in the order of their ids.</summary>
    public async Task<IReadOnlyList<(string BatchId, DateTimeOffset OpenedAt)>> ReadOpenAsync(string after, int most, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {OpenPartition} and RowKey gt {after}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation).AsPages())
            return [.. page.Values.Select(row => (row.RowKey, row.Timestamp ?? default))];
        return [];
    }

    /// <summary>A page of the list, newest first, and where the next one begins. Short, even empty, when among 10,000 lines there are few of the tenant's.</summary>
    public async Task<(IReadOnlyList<ListLine> Lines, string? Next)> ListAsync(string? tenant, string after, int most, CancellationToken cancellation)
    {
        var lines = new List<ListLine>();
        var read = 0;
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {ListPartition} and RowKey gt {after}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: tenant is null ? most + 1 : 1_000, cancellationToken: cancellation))
        {
            if (lines.Count == most || read++ == MostLines)
                return (lines, after);
            after = row.RowKey;
            if (tenant is null || row.GetString(Column.Tenant) == tenant)
                lines.Add(new ListLine(row.RowKey));
        }
        return (lines, null);
    }

    /// <summary>The lines of batches that were made before a moment, the newest of them first.</summary>
    public async Task<IReadOnlyList<ListLine>> BeforeAsync(DateTimeOffset moment, string? after, int most, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {ListPartition} and RowKey gt {after ?? ListKey(moment, "")}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation).AsPages())
            return [.. page.Values.Select(row => new ListLine(row.RowKey))];
        return [];
    }

    /// <summary>Removes a batch with all that belongs to it, its line last: a crash leaves a line, by which the next run finds the rest.</summary>
    public async Task RemoveAsync(ListLine line, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {line.BatchId}"), select: ["PartitionKey", "RowKey"], cancellationToken: cancellation))
            rows.Add(row);
        foreach (var some in rows.Chunk(AtOnce))
            await table.SubmitTransactionAsync(some.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellation);
        await CloseAsync(line.BatchId, cancellation);
        await RemoveLineAsync(line, cancellation);
    }

    public Task RemoveLineAsync(ListLine line, CancellationToken cancellation) => table.DeleteEntityAsync(ListPartition, line.Key, ETag.All, cancellation);

    private static string RefusedKey(int index) => string.Create(CultureInfo.InvariantCulture, $"{RefusedPrefix}{index:D5}");

    private static string ListKey(DateTimeOffset createdAt, string batchId) =>
        string.Create(CultureInfo.InvariantCulture, $"{LastMillisecond - createdAt.ToUnixTimeMilliseconds():D15}-{batchId}");

    /// <summary>A line of the list.</summary>
    internal readonly record struct ListLine(string Key)
    {
        public string BatchId => Key[16..];

        /// <summary>Whether it is this batch's own: a submission that was cut off may have left another, which leads nowhere.</summary>
        public bool IsOf(Batch batch) => Key == ListKey(batch.CreatedAt, batch.Id);
    }
}
