using Azure;
using Azure.Data.Tables;

namespace Weir.Limits;

/// <summary>Partition "quota": what each tenant with a quota has submitted. Partitions "open.…": its jobs that have not ended, a row for each.</summary>
internal sealed partial class LimitTable
{
    private const string QuotaPartition = "quota";
    private const string OpenPrefix = "open.";
    private const int MaxConflicts = 20;
    private const int AtOnce = 100; // what a transaction takes

    public async Task<Usage> FindUsageAsync(string tenant, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(QuotaPartition, tenant, cancellationToken: cancellation);
        return answer.HasValue ? UsageOf(answer.Value!) : default;
    }

    /// <summary>Adds what an instance has counted.</summary>
    /// <returns>What all have counted.</returns>
    /// <remarks>Added twice when an answer is lost and the SDK asks again: an instance's share of a few seconds, and never too little.</remarks>
    public async Task<Usage> AddUsageAsync(string tenant, Usage counted, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxConflicts; tries++)
        {
            var answer = await table.GetEntityIfExistsAsync<TableEntity>(QuotaPartition, tenant, cancellationToken: cancellation);
            var sum = answer.HasValue ? UsageOf(answer.Value!).With(counted) : counted;
            var row = new TableEntity(QuotaPartition, tenant)
            {
                [nameof(Usage.Minute)] = sum.Minute,
                [nameof(Usage.Submissions)] = sum.Submissions,
                [nameof(Usage.SubmissionsBefore)] = sum.SubmissionsBefore,
                [nameof(Usage.Day)] = sum.Day,
                [nameof(Usage.Bytes)] = sum.Bytes,
            };
            try
            {
                if (answer.HasValue)
                    await table.UpdateEntityAsync(row, answer.Value!.ETag, TableUpdateMode.Replace, cancellation);
                else
                    await table.AddEntityAsync(row, cancellation);
                return sum;
            }
            catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
            {
                // Another instance has added its share.
            }
        }
        throw new TimeoutException($"The usage of tenant {tenant} changed {MaxConflicts} times while it was to be added to.");
    }

    /// <summary>Writes which jobs have been accepted, and removes those that have ended; done again it changes nothing.</summary>
    public async Task WriteOpenAsync(string tenant, IReadOnlyDictionary<string, bool> jobs, CancellationToken cancellation)
    {
        foreach (var some in jobs.Where(job => job.Value).Select(job => job.Key).Order(StringComparer.Ordinal).Chunk(AtOnce))
            await table.SubmitTransactionAsync(some.Select(job => new TableTransactionAction(TableTransactionActionType.UpsertReplace, new TableEntity(OpenPrefix + tenant, job))), cancellation);
        foreach (var some in jobs.Where(job => !job.Value).Select(job => job.Key).Order(StringComparer.Ordinal).Chunk(AtOnce))
            await RemoveOpenAsync(tenant, some, cancellation);
    }

    /// <summary>The open jobs of a tenant and since when they are listed, at most so many.</summary>
    public async Task<List<(string JobId, DateTimeOffset Since)>> ReadOpenAsync(string tenant, int most, CancellationToken cancellation)
    {
        var open = new List<(string, DateTimeOffset)>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {OpenPrefix + tenant}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: 1_000, cancellationToken: cancellation))
        {
            open.Add((row.RowKey, row.Timestamp ?? default));
            if (open.Count == most)
                break;
        }
        return open;
    }

    private async Task RemoveOpenAsync(string tenant, string[] jobs, CancellationToken cancellation)
    {
        try
        {
            await table.SubmitTransactionAsync(jobs.Select(job => new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(OpenPrefix + tenant, job), ETag.All)), cancellation);
        }
        catch (TableTransactionFailedException gone) when (gone.Status == 404)
        {
            // One of them was never written, or is gone; then none of them was removed.
            foreach (var job in jobs)
                await table.DeleteEntityAsync(OpenPrefix + tenant, job, ETag.All, cancellation);
        }
    }

    private static Usage UsageOf(TableEntity row) => new(
        row.GetInt64(nameof(Usage.Minute)) ?? 0, row.GetInt64(nameof(Usage.Submissions)) ?? 0, row.GetInt64(nameof(Usage.SubmissionsBefore)) ?? 0,
        row.GetInt64(nameof(Usage.Day)) ?? 0, row.GetInt64(nameof(Usage.Bytes)) ?? 0);
}
