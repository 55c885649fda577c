using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Weir.Execution;
using Weir.Index;
using Weir.Submission;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>
/// The table Receipts: one method per thing that happens to a receipt, each one table operation. A method that takes an ETag
/// changes the receipt only if nobody else has since, and returns null when somebody has.
/// </summary>
internal sealed partial class ReceiptTable(TableServiceClient tables, JobIndex index) : IStoredTable
{
    public const string Name = "Receipts";
    public const string ReceiptRow = "job";

    private const string CheckpointPrefix = "step-";

    private readonly TableClient table = tables.GetTableClient(Name);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Adds a receipt, and its line to the list of jobs: here, so that there is no way to a job without one.</summary>
    /// <returns>The new receipt's ETag; null when the job has one already.</returns>
    public async Task<ETag?> AddAsync(TableEntity receipt, IReadOnlyList<TableEntity> chunks, CancellationToken cancellation)
    {
        try
        {
            var etag = chunks.Count == 0 ? EtagOf(await table.AddEntityAsync(receipt, cancellation)) : await AddWithAsync(receipt, chunks, cancellation);
            index.Put(JobSummary.Of(new Receipt(receipt)));
            return etag;
        }
        catch (RequestFailedException conflict) when (conflict.Status == 409)
        {
            return null;
        }
        catch (Exception)
        {
            await IndexIfAddedAsync(receipt);
            throw;
        }
    }

    /// <summary>No answer is not a no: a receipt that is there after all must have its line, or nobody would ever find it again.</summary>
    private async Task IndexIfAddedAsync(TableEntity receipt)
    {
        try
        {
            if (await FindAsync(receipt.PartitionKey, CancellationToken.None) is { } added)
                index.Put(JobSummary.Of(added));
        }
        catch (Exception)
        {
            index.ReopenGap(new Receipt(receipt).SubmittedAt);
        }
    }

    /// <summary>The job that was there when this one was to be added: another request's, or the same one's, added by a try whose answer was lost.</summary>
    public async Task<Receipt?> FindInPlaceOfAsync(string jobId, DateTimeOffset submittedAt, CancellationToken cancellation)
    {
        try
        {
            return await FindAsync(jobId, cancellation);
        }
        catch (Exception)
        {
            index.ReopenGap(submittedAt);
            throw;
        }
    }

    /// <summary>
    /// Writes the line of a job again that was found where it was to be added: the one who had added it may never have had an answer, an SDK's own retry included.
    /// </summary>
    public void IndexAgain(Receipt found)
    {
        if (found.Attempt == 0)
            index.Put(JobSummary.Of(found));
    }

    public async Task<Receipt?> FindAsync(string jobId, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(jobId, ReceiptRow, cancellationToken: cancellation);
        return answer.HasValue ? new Receipt(answer.Value!) : null;
    }

    /// <summary>The receipt with everything beside it (attempts, checkpoints, chunks): one partition, read in pages.</summary>
    public async Task<JobRecord?> ReadAsync(string jobId, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {jobId}"), cancellationToken: cancellation))
            rows.Add(row);
        return JobRecord.Of(rows);
    }

    /// <summary>The payload of a job whose message does not carry it; empty when there is none. The caller knows its hash.</summary>
    public async Task<byte[]> ReadPayloadAsync(string jobId, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {jobId} and RowKey ge {Chunks.PayloadPrefix} and RowKey lt {Chunks.PayloadPrefix + "~"}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
            rows.Add(row);
        return Chunks.Join(rows, Chunks.PayloadPrefix);
    }

    /// <summary>Takes the job for an attempt.</summary>
    public Task<ETag?> ClaimAsync(string jobId, ETag expected, Attempt attempt, CancellationToken cancellation) =>
        MergeAsync(ClaimRow(jobId, attempt), expected, cancellation);

    /// <summary>Takes the job from an owner whose lease has ended, and writes down that its attempt was lost.</summary>
    public Task<ETag?> TakeOverAsync(string jobId, ETag expected, Attempt attempt, AttemptRecord lost, CancellationToken cancellation) =>
        MergeWithAsync(ClaimRow(jobId, attempt), expected, [lost.ToRow(jobId)], cancellation);

    public Task<ETag?> RenewLeaseAsync(string jobId, ETag expected, DateTimeOffset until, Progress? progress, CancellationToken cancellation)
    {
        var change = new TableEntity(jobId, ReceiptRow) { [Column.LeaseUntil] = until };
        Write(progress, change);
        return MergeAsync(change, expected, cancellation);
    }

    /// <param name="jobId">Whose receipt.</param>
    /// <param name="expected">The receipt's ETag as the owner knows it.</param>
    /// <param name="attempt">The attempt that succeeded.</param>
    /// <param name="result">The result as JSON; empty for none.</param>
    /// <param name="children">The jobs to enqueue now that it has succeeded, as rows; written in the same transaction, so that they are sent exactly if it counts.</param>
    /// <param name="progress">The last report.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ETag?> SucceedAsync(
        string jobId, ETag expected, AttemptRecord attempt, ReadOnlyMemory<byte> result, IReadOnlyList<TableEntity> children, Progress? progress, CancellationToken cancellation)
    {
        var change = Outcome(jobId, JobState.Succeeded, attempt);
        change[Column.FinishedAt] = attempt.FinishedAt;
        Write(progress, change);
        var beside = new List<TableEntity>(1 + children.Count) { attempt.ToRow(jobId) };
        beside.AddRange(children);
        if (children.Count > 0)
            change[Column.Children] = children.Count;
        if (result.Length > MaxInlineResult)
        {
            beside.AddRange(Chunks.Split(jobId, Chunks.ResultPrefix, result));
            change[Column.ResultChunks] = Chunks.Count(result.Length);
        }
        else if (!result.IsEmpty)
        {
            change[Column.Result] = System.Text.Encoding.UTF8.GetString(result.Span);
        }
        return MergeWithAsync(change, expected, beside, cancellation);
    }

    /// <summary>Records a failed attempt after which another is to come, at <paramref name="notBefore"/>.</summary>
    public Task<ETag?> RetryAsync(string jobId, ETag expected, AttemptRecord attempt, DateTimeOffset notBefore, CancellationToken cancellation)
    {
        var change = Outcome(jobId, JobState.Retrying, attempt);
        change[Column.NotBefore] = notBefore;
        attempt.Error?.WriteTo(change);
        return MergeWithAsync(change, expected, [(attempt with { RetryAt = notBefore }).ToRow(jobId)], cancellation);
    }

    /// <summary>Records that the job has failed for good.</summary>
    public Task<ETag?> DeadLetterAsync(string jobId, ETag expected, AttemptRecord attempt, string reason, CancellationToken cancellation)
    {
        var change = Outcome(jobId, JobState.DeadLettered, attempt);
        change[Column.FinishedAt] = attempt.FinishedAt;
        change[Column.DeadLetterReason] = reason;
        attempt.Error?.WriteTo(change);
        return MergeWithAsync(change, expected, [attempt.ToRow(jobId)], cancellation);
    }

    /// <summary>Records that the job ended because somebody asked for it.</summary>
    public Task<ETag?> CancelRunningAsync(string jobId, ETag expected, AttemptRecord attempt, CancellationToken cancellation)
    {
        var change = Outcome(jobId, JobState.Cancelled, attempt);
        change[Column.FinishedAt] = attempt.FinishedAt;
        return MergeWithAsync(change, expected, [attempt.ToRow(jobId)], cancellation);
    }

    /// <summary>The child jobs that a succeeded job is to enqueue.</summary>
    public async Task<IReadOnlyList<TableEntity>> ReadChildrenAsync(string jobId, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {jobId} and RowKey ge {ChildJob.RowPrefix} and RowKey lt {ChildJob.RowPrefix + "~"}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
            rows.Add(row);
        return rows;
    }

    /// <summary>The receipts, without what lies beside them, that were written last between two moments: reads through the table.</summary>
    public async IAsyncEnumerable<Receipt> ChangedAsync(DateTimeOffset from, DateTimeOffset to, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"RowKey eq {ReceiptRow} and Timestamp ge {from} and Timestamp le {to}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: 1_000, cancellationToken: cancellation))
            yield return new Receipt(row);
    }

    /// <summary>
    /// Removes the receipt and everything beside it, as one transaction if it has up to 99 rows beside it; else the rest goes before, each time only if the receipt is
    /// still as expected. False when it is not.
    /// </summary>
    public async Task<bool> RemoveAsync(string jobId, ETag expected, CancellationToken cancellation)
    {
        var beside = new List<TableEntity>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {jobId}"), select: ["PartitionKey", "RowKey"], cancellationToken: cancellation))
        {
            if (row.RowKey != ReceiptRow)
                beside.Add(new TableEntity(jobId, row.RowKey));
        }
        try
        {
            for (; beside.Count > MostBeside; beside.RemoveRange(0, MostBeside))
            {
                var touch = new TableTransactionAction(TableTransactionActionType.UpdateMerge, new TableEntity(jobId, ReceiptRow), expected);
                var answers = await table.SubmitTransactionAsync(beside.Take(MostBeside).Select(Delete).Prepend(touch), cancellation);
                expected = EtagOf(answers.Value[0]);
            }
            var receipt = new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(jobId, ReceiptRow), expected);
            await table.SubmitTransactionAsync(beside.Select(Delete).Prepend(receipt), cancellation);
            return true;
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 412)
        {
            return false;
        }

        static TableTransactionAction Delete(TableEntity row) => new(TableTransactionActionType.Delete, row, ETag.All);
    }

    /// <summary>Gives the job up for whoever comes next: no attempt is counted, none is on record.</summary>
    public Task<ETag?> HandBackAsync(string jobId, ETag expected, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Queued) }, expected, cancellation);

    /// <summary>Records that the job waits behind another one of its ordering key.</summary>
    public Task<ETag?> HoldAsync(string jobId, ETag expected, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Held) }, expected, cancellation);

    /// <summary>Marks a dead letter whose ordering key goes on without it, for as long as it does not run again.</summary>
    public Task MarkReleasedAsync(string jobId, int attempt, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.ReleasedAttempt] = attempt }, ETag.All, cancellation);

    /// <summary>What an earlier attempt remembered under this name, as JSON; null when nothing.</summary>
    public async Task<string?> FindCheckpointAsync(string jobId, string name, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(jobId, CheckpointPrefix + name, cancellationToken: cancellation);
        return answer.HasValue ? answer.Value!.GetString(Column.Result) : null;
    }

    /// <returns>False when another attempt has written this checkpoint first.</returns>
    public async Task<bool> AddCheckpointAsync(string jobId, string name, int attempt, string result, CancellationToken cancellation)
    {
        try
        {
            await table.AddEntityAsync(new TableEntity(jobId, CheckpointPrefix + name) { [Column.Attempt] = attempt, [Column.Result] = result }, cancellation);
            return true;
        }
        catch (RequestFailedException conflict) when (conflict.Status == 409)
        {
            return false;
        }
    }

    /// <summary>A transaction takes 100 rows, the receipt's included.</summary>
    private const int MostBeside = 99;

    /// <summary>A string property holds 64 KiB of UTF-16; half of that is safe for UTF-8 of any kind.</summary>
    private const int MaxInlineResult = 32 * 1024;

    private static TableEntity ClaimRow(string jobId, Attempt attempt) => new(jobId, ReceiptRow)
    {
        [Column.State] = nameof(JobState.Running),
        [Column.Attempt] = attempt.Number,
        [Column.Owner] = attempt.Owner,
        [Column.StartedAt] = attempt.StartedAt,
        [Column.LeaseUntil] = attempt.LeaseUntil,
    };

    private static TableEntity Outcome(string jobId, JobState state, AttemptRecord attempt) => new(jobId, ReceiptRow)
    {
        [Column.State] = state.ToString(),
        [Column.Attempt] = attempt.Number,
        [Column.Owner] = attempt.Instance,
        [Column.StartedAt] = attempt.StartedAt,
    };

    private static void Write(Progress? progress, TableEntity change)
    {
        if (progress is null)
            return;
        change[Column.Progress] = progress.Share;
        change[Column.ProgressMessage] = progress.Message ?? "";
    }

    private async Task<ETag?> MergeAsync(TableEntity change, ETag expected, CancellationToken cancellation)
    {
        try
        {
            return EtagOf(await table.UpdateEntityAsync(change, expected, TableUpdateMode.Merge, cancellation));
        }
        catch (RequestFailedException changed) when (IsAnother(changed))
        {
            return null;
        }
    }

    private async Task<ETag?> MergeWithAsync(TableEntity change, ETag expected, IReadOnlyList<TableEntity> beside, CancellationToken cancellation)
    {
        var actions = new List<TableTransactionAction>(1 + beside.Count) { new(TableTransactionActionType.UpdateMerge, change, expected) };
        foreach (var row in beside)
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, row));
        try
        {
            var answers = await table.SubmitTransactionAsync(actions, cancellation);
            return EtagOf(answers.Value[0]);
        }
        catch (TableTransactionFailedException changed) when (IsAnother(changed))
        {
            return null;
        }
    }

    /// <summary>The receipt is not as it was, or not there at all. A table that is not there is a store that is away.</summary>
    private static bool IsAnother(RequestFailedException refused) => refused.Status == 412 || (refused.Status == 404 && refused.ErrorCode == TableErrorCode.ResourceNotFound);

    private async Task<ETag> AddWithAsync(TableEntity receipt, IReadOnlyList<TableEntity> chunks, CancellationToken cancellation)
    {
        var all = chunks.Prepend(receipt).Select(row => new TableTransactionAction(TableTransactionActionType.Add, row));
        var answers = await table.SubmitTransactionAsync(all, cancellation);
        return EtagOf(answers.Value[0]);
    }

    private static ETag EtagOf(Response answer) =>
        answer.Headers.ETag ?? throw new InvalidDataException("Table storage answered a write without an ETag.");
}

/// <summary>One execution that begins: who takes the job, as which attempt, and until when.</summary>
internal readonly record struct Attempt(int Number, string Owner, DateTimeOffset StartedAt, DateTimeOffset LeaseUntil);
