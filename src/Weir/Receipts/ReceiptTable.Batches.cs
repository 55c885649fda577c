using Azure;
using Azure.Data.Tables;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>What happens to a receipt while the batch of its job is paused.</summary>
internal sealed partial class ReceiptTable
{
    /// <summary>Holds a job until its batch is resumed, and keeps what only its message carried.</summary>
    /// <param name="putOffs">What tells the message that will bring it back from the one that is at hand.</param>
    public Task<ETag?> HoldForBatchAsync(string jobId, ETag expected, ReadOnlyMemory<byte> payload, int putOffs, CancellationToken cancellation)
    {
        var change = new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Held), [Column.HeldForBatch] = putOffs };
        if (payload.IsEmpty)
            return MergeAsync(change, expected, cancellation);
        change[Column.PayloadChunks] = Chunks.Count(payload.Length);
        return MergeWithAsync(change, expected, Chunks.Split(jobId, Chunks.PayloadPrefix, payload), cancellation);
    }

    /// <summary>The job's batch goes on; its message is still to be sent.</summary>
    public Task<ETag?> ReleaseForBatchAsync(string jobId, ETag expected, CancellationToken cancellation) =>
        MergeAsync(new TableEntity(jobId, ReceiptRow) { [Column.State] = nameof(JobState.Queued) }, expected, cancellation);
}

internal sealed partial class Receipt
{
    /// <summary>It was held because its batch was paused: the put-off count of the message that brings it back.</summary>
    public int? HeldForBatch => row.GetInt32(Column.HeldForBatch);

    internal static partial class Column
    {
        public const string HeldForBatch = "HeldForBatch";
    }
}
