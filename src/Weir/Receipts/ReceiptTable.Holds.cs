using Azure;
using Azure.Data.Tables;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>What happens to a receipt while its job is held: its batch is paused, or an operator's control stops it.</summary>
internal sealed partial class ReceiptTable
{
    /// <summary>Holds a job until it is released, and keeps what only its message carried.</summary>
    /// <param name="jobId">Whose receipt.</param>
    /// <param name="expected">The receipt's ETag.</param>
    /// <param name="payload">What the message carried.</param>
    /// <param name="attempt">The attempt that the message which brings it back will ask for.</param>
    /// <param name="putOffs">What tells that message from the one that is at hand.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ETag?> HoldUntilReleasedAsync(string jobId, ETag expected, ReadOnlyMemory<byte> payload, int attempt, int putOffs, CancellationToken cancellation)
    {
        var change = new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Held), [Column.HeldAttempt] = attempt, [Column.HeldPutOffs] = putOffs };
        if (payload.IsEmpty)
            return MergeAsync(change, expected, cancellation);
        change[Column.PayloadChunks] = Chunks.Count(payload.Length);
        return MergeWithAsync(change, expected, [.. Chunks.Split(jobId, Chunks.PayloadPrefix, payload)], cancellation);
    }

    /// <summary>The job goes on; its message is still to be sent.</summary>
    public Task<ETag?> ReleaseHeldAsync(string jobId, ETag expected, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Queued) }, expected, cancellation);
}

internal sealed partial class Receipt
{
    /// <summary>It was held until somebody releases it: the put-off count of the message that brings it back.</summary>
    public int? HeldPutOffs => row.GetInt32(Column.HeldPutOffs);

    /// <summary>The attempt that this message asks for: not always the one after the last, which may have been handed back.</summary>
    public int HeldAttempt => row.GetInt32(Column.HeldAttempt) ?? Attempt + 1;

    /// <summary>No attempt to come has a lower number: one that was held for its second attempt has ended its first, which its state does not say any more.</summary>
    public int LeastAttempt => Math.Max(Attempt, row.GetInt32(Column.HeldAttempt) ?? 0);

    internal static partial class Column
    {
        public const string HeldPutOffs = "HeldPutOffs";
        public const string HeldAttempt = "HeldAttempt";
    }
}
