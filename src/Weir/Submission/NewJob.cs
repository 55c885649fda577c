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

    /// <summary>Up to this the payload lies in the receipt itself; a larger one in rows beside it, written in the same operation.</summary>
    private const int MaxInReceipt = 32 * 1024;

    /// <summary>When it may begin; null is at once.</summary>
    public DateTimeOffset? NotBefore { get; } = Request.Timing.StartsAt(SubmittedAt);

    private readonly string? traceParent = Activity.Current?.Id;

    /// <summary>
    /// The rows beside the receipt that hold a large payload; none for a small one. A unique job's always lies there: it may be somebody
    /// else than its submitter who sends its message. And a workflow's: its steps read it there.
    /// </summary>
    public IReadOnlyList<TableEntity> Chunks { get; } = Payload.Bytes.Length > MaxInReceipt || Request.Unique is not null || Type is WorkflowType ? [.. Receipts.Chunks.Split(Id, Receipts.Chunks.PayloadPrefix, Payload.Bytes)] : [];

    public JobState FirstState => NotBefore is null ? JobState.Queued : JobState.Scheduled;

    public Submitted.Accepted Accepted => new(Id, Type.Name, FirstState, Replayed: false);

    private DateTimeOffset? ExpiresAt => Request.Timing.ExpiresAt(SubmittedAt);

    private Follows Follows =>
        (Request.Unique is null ? Follows.Nothing : Follows.Unique)
        | (Request.CallbackUrl is null ? Follows.Nothing : Follows.Callback)
        | (Request.ParentId is null ? Follows.Nothing : Follows.Parent)
        | (Type.CompletionEvent ? Follows.Event : Follows.Nothing);

    private string? StrictKey => Type.Ordering == Ordering.Strict && Request.OrderingKey is { } key ? OrderedKeys.KeyOf(Tenant, Queue, key) : null;

    private int Version => Request.Version ?? Type.Version;

    /// <param name="state">The state it begins in, when that is not its own time's.</param>
    public TableEntity ToReceipt(JobState? state = null)
    {
        var receipt = new TableEntity(Id, ReceiptTable.ReceiptRow)
        {
            [Column.Type] = Type.Name,
            [Column.Version] = Version,
            [Column.Tenant] = Tenant,
            [Column.Queue] = Queue.ToString(),
            [Column.Lane] = Lane,
            [Column.State] = (state ?? FirstState).ToString(),
            [Column.Attempt] = 0,
            [Column.PayloadHash] = Payload.Hash,
            [Column.PayloadBytes] = Payload.Bytes.Length,
            [Column.SubmittedAt] = SubmittedAt,
        };
        if (Chunks.Count > 0)
            receipt[Column.PayloadChunks] = Chunks.Count;
        else
            receipt[Column.Payload] = Payload.Bytes.ToArray();
        if (Request.OrderingKey is { } orderingKey)
            receipt[Column.OrderingKey] = orderingKey;
        if (StrictKey is { } strictKey)
            receipt[Column.StrictKey] = strictKey;
        if (Request.CorrelationId is { } correlationId)
            receipt[Column.CorrelationId] = correlationId;
        if (Request.ParentId is { } parentId)
            (receipt[Column.ParentId], receipt[Column.ParentStep]) = (parentId, Request.ParentStep!);
        if (Request.CallbackUrl is { } callbackUrl)
            receipt[Column.CallbackUrl] = callbackUrl;
        if (NotBefore is { } notBefore)
            receipt[Column.NotBefore] = notBefore;
        if (ExpiresAt is { } expiresAt)
            receipt[Column.ExpiresAt] = expiresAt;
        if (Follows != Follows.Nothing)
            receipt[Column.Follows] = (int)Follows;
        Request.Unique?.WriteTo(receipt);
        Request.Occurrence?.WriteTo(receipt);
        if (Request.Batch is { } batch)
            receipt[Column.Batch] = batch.ToString();
        if (state == JobState.Held)
            receipt[Column.WaitsForKey] = true;
        if (traceParent is not null)
            receipt[Column.TraceParent] = traceParent;
        return receipt;
    }

    public JobMessage ToMessage(ETag receipt) => new(Id, Type.Name, Tenant, Lane, receipt, Payload.Hash, Payload.Bytes.Length > MaxInMessage || Request.Unique is not null ? default : Payload.Bytes)
    {
        Version = Version,
        OrderingKey = Request.OrderingKey,
        StrictKey = StrictKey,
        ExpiresAt = ExpiresAt,
        SubmittedAt = SubmittedAt,
        Follows = Follows,
        Batch = Request.Batch,
        TraceParent = traceParent,
    };
}
