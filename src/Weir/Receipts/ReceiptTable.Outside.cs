using Azure;
using Azure.Data.Tables;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>What happens to a receipt while no attempt runs, or from outside of one that does.</summary>
internal sealed partial class ReceiptTable
{
    /// <summary>Ends a job that nobody runs, because somebody asked for it.</summary>
    /// <param name="lost">Its last attempt, when the worker of that has disappeared.</param>
    public Task<ETag?> CancelAsync(string jobId, ETag expected, DateTimeOffset at, CancelRequest request, AttemptRecord? lost, CancellationToken cancellation)
    {
        var change = Final(jobId, JobState.Cancelled, at);
        request.WriteTo(change);
        return WriteAsync(change, expected, lost, cancellation);
    }

    /// <summary>Asks the owner of a running job to give it up; the owner's next write finds this.</summary>
    public Task<ETag?> RequestCancelAsync(string jobId, ETag expected, int attempt, DateTimeOffset at, CancelRequest request, CancellationToken cancellation)
    {
        var change = new TableEntity(jobId, ReceiptRow) { [Column.CancelRequestedAt] = at, [Column.CancelRequestedIn] = attempt };
        request.WriteTo(change);
        return MergeAsync(change, expected, cancellation);
    }

    /// <summary>Ends a job that was not begun in time.</summary>
    /// <param name="lost">Its last attempt, when the worker of that has disappeared.</param>
    public Task<ETag?> ExpireAsync(string jobId, ETag expected, DateTimeOffset at, JobError error, AttemptRecord? lost, CancellationToken cancellation)
    {
        var change = Final(jobId, JobState.Expired, at);
        change[Column.DeadLetterReason] = Execution.DeadLetterReason.Expired;
        error.WriteTo(change);
        return WriteAsync(change, expected, lost, cancellation);
    }

    /// <summary>Puts a job that has not begun into a state: to wait for its unique key, or to go on.</summary>
    public Task<ETag?> PlaceAsync(string jobId, ETag expected, JobState state, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.State] = state.ToString(), [Column.WaitsForKey] = state == JobState.Held }, expected, cancellation);

    /// <summary>Takes back the receipt of a job that was never accepted. False when somebody has changed it since, or taken it back.</summary>
    public async Task<bool> WithdrawAsync(string jobId, ETag expected, int chunks, CancellationToken cancellation)
    {
        var beside = Enumerable.Range(0, chunks).Select(index => Chunks.Key(jobId, Chunks.PayloadPrefix, index));
        var actions = beside.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All))
            .Prepend(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(jobId, ReceiptRow), expected));
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

    /// <summary>Takes it on oneself to send the job's message once more. Null when somebody has changed the receipt since: then it is on its way.</summary>
    public Task<ETag?> MarkResendAsync(string jobId, ETag expected, int resends, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.Resends] = resends }, expected, cancellation);

    private Task<ETag?> WriteAsync(TableEntity change, ETag expected, AttemptRecord? lost, CancellationToken cancellation) =>
        lost is null ? MergeAsync(change, expected, cancellation) : MergeWithAsync(change, expected, [lost.ToRow(change.PartitionKey)], cancellation);

    private static TableEntity Final(string jobId, JobState state, DateTimeOffset at) =>
        new(jobId, ReceiptRow) { [Column.State] = state.ToString(), [Column.FinishedAt] = at };
}

/// <summary>Why a job is to be cancelled, and by whom.</summary>
internal sealed record CancelRequest(string? Reason = null, string? By = null, string? SupersededBy = null)
{
    public void WriteTo(TableEntity receipt)
    {
        if (Reason is not null)
            receipt[Column.CancelReason] = Reason;
        if (By is not null)
            receipt[Column.CancelledBy] = By;
        if (SupersededBy is not null)
            receipt[Column.SupersededBy] = SupersededBy;
    }
}
