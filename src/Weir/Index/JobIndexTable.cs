using Azure;
using Azure.Data.Tables;

namespace Weir.Index;

/// <summary>The table JobIndex: one method per thing that is done with it.</summary>
internal sealed class JobIndexTable(TableServiceClient tables) : IStoredTable
{
    /// <summary>The most rows that one transaction takes (Table storage).</summary>
    public const int Batch = 100;

    private readonly TableClient table = tables.GetTableClient("JobIndex");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Writes up to <see cref="Batch"/> lines of one partition, by their rows, in one operation.</summary>
    public Task WriteAsync(IEnumerable<KeyValuePair<string, JobSummary>> lines, CancellationToken cancellation) =>
        table.SubmitTransactionAsync(lines.Select(line => new TableTransactionAction(TableTransactionActionType.UpsertMerge, line.Value.ToRow(line.Key))), cancellation);

    /// <summary>The first lines of a partition after a row, newest first, and whether there are more.</summary>
    public async Task<(List<JobSummary> Jobs, bool More)> ReadAsync(string partition, string after, int most, CancellationToken cancellation)
    {
        var jobs = new List<JobSummary>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey gt {after}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation).AsPages())
        {
            jobs.AddRange(page.Values.Select(JobSummary.Of));
            if (page.ContinuationToken is null || jobs.Count >= most)
                return (jobs, page.ContinuationToken is not null);
        }
        return (jobs, false);
    }

    /// <summary>One page of the lines of some hours, in no order; null when they do not fit into one.</summary>
    public async Task<List<JobSummary>?> ReadHoursAsync(DateTimeOffset first, DateTimeOffset last, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey ge {IndexKey.Partition(first, 0)} and PartitionKey le {IndexKey.Partition(last, IndexKey.Shards - 1)}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: 1_000, cancellationToken: cancellation).AsPages())
            return page.ContinuationToken is null ? [.. page.Values.Select(JobSummary.Of)] : null;
        return [];
    }

    /// <summary>One page of the lines up to an hour, the oldest hours first, and where the next page begins.</summary>
    public async Task<(List<JobSummary> Jobs, string? Next)> ReadOldestAsync(DateTimeOffset last, string? continuation, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey le {IndexKey.Partition(last, IndexKey.Shards - 1)}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: 1_000, cancellationToken: cancellation).AsPages(continuation))
            return ([.. page.Values.Select(JobSummary.Of)], page.ContinuationToken);
        return ([], null);
    }

    /// <summary>Removes lines; those that are gone already are as good.</summary>
    public async Task RemoveAsync(IReadOnlyList<JobSummary> jobs, CancellationToken cancellation)
    {
        foreach (var batch in jobs.GroupBy(job => job.PartitionKey).SelectMany(partition => partition.Chunk(Batch)))
        {
            try
            {
                await table.SubmitTransactionAsync(batch.Select(job => new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(job.PartitionKey, job.RowKey), ETag.All)), cancellation);
            }
            catch (TableTransactionFailedException gone) when (gone.Status == 404)
            {
                foreach (var job in batch)
                    await table.DeleteEntityAsync(job.PartitionKey, job.RowKey, ETag.All, cancellation);
            }
        }
    }
}
