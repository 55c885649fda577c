using Azure;
using Azure.Data.Tables;

namespace Weir.Lanes;

/// <summary>
/// The table OrderingKeys: a partition for each ordering key that is not free. Its row "head" names the job that stands in front, and a
/// row "parked-…" holds each job that waits behind it, in the order in which the broker had them. Rows are parked only together with a
/// change of the head, so whoever removes a head by its ETag knows that nobody waits.
/// </summary>
internal sealed class OrderingKeyTable(TableServiceClient tables, TimeProvider clock) : IStoredTable
{
    private const string Name = "OrderingKeys";
    private const int MaxTries = 8;

    private readonly TableClient table = tables.GetTableClient(Name);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Null: the key is free, and its jobs run as they come.</summary>
    public async Task<KeyHead?> FindHeadAsync(string key, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(key, KeyHead.RowKey, cancellationToken: cancellation);
        return answer.HasValue ? KeyHead.Of(answer.Value!) : null;
    }

    /// <summary>Puts a job in front of its key, or says anew why it stands there.</summary>
    /// <returns>False when another job stands there.</returns>
    public async Task<bool> BlockAsync(string key, string jobId, HeadReason why, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var head = await FindHeadAsync(key, cancellation);
            if (head is not null && head.JobId != jobId)
                return false;
            if (head?.Why == why || await WriteHeadAsync(head, new KeyHead(key, jobId, why, clock.GetUtcNow()), cancellation))
                return true;
        }
        throw Busy(key);
    }

    /// <summary>Lets a job wait behind <paramref name="head"/>. The same message parked twice is parked once.</summary>
    /// <returns>False when the head has changed since it was read.</returns>
    public Task<bool> ParkAsync(KeyHead head, ParkedJob job, CancellationToken cancellation) => SubmitAsync(
    [
        new(TableTransactionActionType.UpdateMerge, head.WithParked(head.Parked + 1), head.ETag),
        new(TableTransactionActionType.UpsertReplace, job.ToRow(head.Key)),
    ], cancellation);

    /// <summary>Who has waited longest behind <paramref name="head"/>.</summary>
    public async Task<ParkedJob?> FirstBehindAsync(KeyHead head, CancellationToken cancellation)
    {
        // Two rows, because the head's own stays until the head has ended.
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {head.Key} and RowKey ge {ParkedJob.RowPrefix} and RowKey lt {ParkedJob.RowPrefix + "~"}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: 2, cancellationToken: cancellation))
        {
            if (row.RowKey != head.Row)
                return ParkedJob.Of(row);
        }
        return null;
    }

    /// <summary>Whether a job's row is among those that wait.</summary>
    public async Task<bool> HasParkedAsync(string key, string jobId, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {key} and RowKey ge {ParkedJob.RowPrefix} and RowKey lt {ParkedJob.RowPrefix + "~"} and p_weir_job eq {jobId}");
        await foreach (var _ in table.QueryAsync<TableEntity>(filter, select: ["RowKey"], cancellationToken: cancellation))
            return true;
        return false;
    }

    /// <summary>What the head's message says, for as long as the head has not ended.</summary>
    public async Task<ParkedJob?> FindParkedAsync(KeyHead head, CancellationToken cancellation)
    {
        if (head.Row is null)
            return null;
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(head.Key, head.Row, cancellationToken: cancellation);
        return answer.HasValue ? ParkedJob.Of(answer.Value!) : null;
    }

    /// <summary>The head has ended: <paramref name="next"/> stands in front now. Its row stays, so that its message can be sent again after a crash.</summary>
    /// <returns>False when the head has changed since it was read.</returns>
    public Task<bool> PromoteAsync(KeyHead head, ParkedJob next, CancellationToken cancellation)
    {
        var promoted = new KeyHead(head.Key, next.Message.JobId, HeadReason.Releasing, clock.GetUtcNow())
        {
            Parked = Math.Max(0, head.Parked - 1),
            Row = next.Row,
            After = head.JobId,
        };
        return SubmitAsync([new(TableTransactionActionType.UpdateReplace, promoted.ToRow(), head.ETag), .. OwnRow(head)], cancellation);
    }

    /// <summary>The head has ended and nobody waits: the key is free.</summary>
    /// <returns>False when the head has changed since it was read: somebody waits.</returns>
    public Task<bool> FreeAsync(KeyHead head, CancellationToken cancellation) =>
        SubmitAsync([new(TableTransactionActionType.Delete, head.ToRow(), head.ETag), .. OwnRow(head)], cancellation);

    private static IEnumerable<TableTransactionAction> OwnRow(KeyHead head)
    {
        if (head.Row is not null)
            yield return new(TableTransactionActionType.Delete, new TableEntity(head.Key, head.Row), ETag.All);
    }

    private async Task<bool> WriteHeadAsync(KeyHead? before, KeyHead head, CancellationToken cancellation)
    {
        try
        {
            if (before is null)
                await table.AddEntityAsync(head.ToRow(), cancellation);
            else
                await table.UpdateEntityAsync((head with { Parked = before.Parked, Row = before.Row, After = before.After }).ToRow(), before.ETag, TableUpdateMode.Replace, cancellation);
            return true;
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return false;
        }
    }

    private async Task<bool> SubmitAsync(IEnumerable<TableTransactionAction> actions, CancellationToken cancellation)
    {
        try
        {
            await table.SubmitTransactionAsync(actions, cancellation);
            return true;
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 412)
        {
            return false;
        }
    }

    private static TimeoutException Busy(string key) => new($"The head of ordering key {key} changed {MaxTries} times while it was being written.");
}

/// <summary>Why a job stands in front of its ordering key.</summary>
internal enum HeadReason
{
    /// <summary>An attempt failed, and the next comes later.</summary>
    Retrying,

    /// <summary>It could not run when it came, and comes again.</summary>
    PutOff,

    /// <summary>An operator has to replay or discard it.</summary>
    DeadLettered,

    /// <summary>It waited, and its turn has come: its message is on the way.</summary>
    Releasing,

    /// <summary>It is a workflow, and has not ended.</summary>
    Running,
}

/// <summary>The job behind which the others of its ordering key wait.</summary>
internal sealed record KeyHead(string Key, string JobId, HeadReason Why, DateTimeOffset Since)
{
    public const string RowKey = "head";

    /// <summary>How many wait behind it.</summary>
    public int Parked { get; init; }

    /// <summary>The row of its own message, when it has waited itself.</summary>
    public string? Row { get; init; }

    /// <summary>The job whose end brought it here.</summary>
    public string? After { get; init; }

    public ETag ETag { get; private init; }

    public TableEntity ToRow()
    {
        var row = new TableEntity(Key, RowKey)
        {
            [nameof(JobId)] = JobId,
            [nameof(Why)] = Why.ToString(),
            [nameof(Since)] = Since,
            [nameof(Parked)] = Parked,
        };
        if (Row is not null)
            row[nameof(Row)] = Row;
        if (After is not null)
            row[nameof(After)] = After;
        return row;
    }

    public TableEntity WithParked(int parked) => new(Key, RowKey) { [nameof(Parked)] = parked };

    public static KeyHead Of(TableEntity row) =>
        new(row.PartitionKey, row.GetString(nameof(JobId)) ?? "", Enum.Parse<HeadReason>(row.GetString(nameof(Why)) ?? ""), row.GetDateTimeOffset(nameof(Since)) ?? default)
        {
            Parked = row.GetInt32(nameof(Parked)) ?? 0,
            Row = row.GetString(nameof(Row)),
            After = row.GetString(nameof(After)),
            ETag = row.ETag,
        };
}
