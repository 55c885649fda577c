using System.Diagnostics;
using Azure;
using Azure.Data.Tables;
using Weir.Catalog;
using Weir.Lanes;
using Weir.Receipts;
using static Weir.Receipts.Receipt;

namespace Weir.Submission;

/// <summary>A job that is about to be accepted: everything that its receipt and its first message say.</summary>
internal sealed record NewJob(string Id, JobType Type, SubmitRequest Request, string Tenant, Queue Queue, string Lane, Payload Payload, DateTimeOffset SubmittedAt)
{
    /// <summary>
    /// A larger payload lies beside the receipt and the message only points to it: a Service Bus message holds 256 KB on the
    /// Standard tier, its properties included.
    /// </summary>
    private const int MaxInMessage = 192 * 1024;

    private readonly string? traceParent = Activity.Current?.Id;

    /// <summary>The rows beside the receipt that hold a large payload; none for a small one.</summary>
    public IReadOnlyList<TableEntity> Chunks { get; } = Payload.Bytes.Length > MaxInMessage ? [.. Receipts.Chunks.Split(Id, Receipts.Chunks.PayloadPrefix, Payload.Bytes)] : [];

    private int Version => Request.Version ?? Type.Version;

    private Follows Follows => (Request.CallbackUrl is null ? Follows.Nothing : Follows.Callback) | (Type.CompletionEvent ? Follows.Event : Follows.Nothing);

    public TableEntity ToReceipt()
    {
        var receipt = new TableEntity(Id, ReceiptTable.ReceiptRow)
        {
            [Column.Type] = Type.Name,
            [Column.Version] = Version,
            [Column.Tenant] = Tenant,
            [Column.Queue] = Queue.ToString(),
            [Column.Lane] = Lane,
            [Column.State] = nameof(JobState.Queued),
            [Column.Attempt] = 0,
            [Column.PayloadHash] = Payload.Hash,
            [Column.PayloadBytes] = Payload.Bytes.Length,
            [Column.SubmittedAt] = SubmittedAt,
        };
        if (Chunks.Count > 0)
            receipt[Column.PayloadChunks] = Chunks.Count;
        if (Request.OrderingKey is { } orderingKey)
            receipt[Column.OrderingKey] = orderingKey;
        if (Request.CorrelationId is { } correlationId)
            receipt[Column.CorrelationId] = correlationId;
        if (Request.CallbackUrl is { } callbackUrl)
            receipt[Column.CallbackUrl] = callbackUrl;
        if (Follows != Follows.Nothing)
            receipt[Column.Follows] = (int)Follows;
        if (traceParent is not null)
            receipt[Column.TraceParent] = traceParent;
        return receipt;
    }

    public JobMessage ToMessage(ETag receipt) => new(Id, Type.Name, Tenant, Lane, receipt, Payload.Hash, Chunks.Count > 0 ? default : Payload.Bytes)
    {
        Version = Version,
        OrderingKey = Request.OrderingKey,
        SubmittedAt = SubmittedAt,
        Follows = Follows,
        TraceParent = traceParent,
    };
}
