using System.Diagnostics;
using Azure;
using Azure.Data.Tables;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using static Weir.Receipts.Receipt;

namespace Weir.Submission;

/// <summary>
/// Accepts jobs: catalogue and contract → id → receipt → message. Once <see cref="SubmitAsync"/> has answered Accepted the broker
/// has the message, so the job is not lost by any crash after that; before it, a repetition under the same key takes up
/// whatever an interrupted try left.
/// </summary>
internal sealed class JobSubmission(JobCatalog catalog, ReceiptTable receipts, JobQueues queues, KillPoints kill, IOptions<WeirOptions> options, TimeProvider clock, Random chance)
{
    /// <summary>The largest payload.</summary>
    public const int MaxPayload = 1024 * 1024;

    /// <summary>
    /// A larger payload lies beside the receipt and the message only points to it: a Service Bus message holds 256 KB on the
    /// Standard tier, its properties included.
    /// </summary>
    private const int MaxInMessage = 192 * 1024;

    /// <summary>Sends a job that another one enqueued by succeeding; sent again after a crash it is the same job.</summary>
    /// <exception cref="InvalidOperationException">The job cannot be accepted by this build any more.</exception>
    public async Task SubmitChildAsync(ChildJob child, string parentId, string tenant, CancellationToken cancellation)
    {
        if (await SubmitAsync(child.Request, tenant, child.IdempotencyKeyUnder(parentId), cancellation) is Submitted.Refused refused)
            throw new InvalidOperationException($"Child {child.Number} of job {parentId} ('{child.Request.Type}') is refused: {refused.Detail}");
    }

    public async Task<Submitted> SubmitAsync(SubmitRequest request, string tenant, string? idempotencyKey, CancellationToken cancellation)
    {
        if (catalog.Find(request.Type) is not { } type)
            return Submitted.Refuse(Refusal.UnknownType, $"There is no job type '{request.Type}' here; GET /api/catalog lists those there are.");
        if (request.Version > type.Version)
            return Submitted.Refuse(Refusal.VersionTooNew, $"'{type.Name}' is served at version {type.Version}; version {request.Version} is newer than this deployment.");

        var errors = type.Check(request.Payload);
        if (errors.Count > 0)
            return Submitted.Refuse(Refusal.ContractViolation, $"The payload breaks the contract of '{type.Name}'.", [.. errors.Select(error => error with { Pointer = "/payload" + error.Pointer })]);

        var payload = Payload.Of(request.Payload);
        if (payload.Bytes.Length > MaxPayload)
            return Submitted.Refuse(Refusal.PayloadTooLarge, $"The payload has {payload.Bytes.Length:N0} bytes; the most is {MaxPayload:N0}.");

        var id = idempotencyKey is null ? JobId.New(clock.GetUtcNow(), chance) : JobId.FromKey(tenant, type.Name, idempotencyKey);
        var queue = request.Priority ?? type.Queue;
        var lane = Lane.For(tenant, request.OrderingKey ?? id, options.Value.Lanes);
        var chunks = payload.Bytes.Length > MaxInMessage ? Chunks.Split(id, Chunks.PayloadPrefix, payload.Bytes).ToArray() : [];

        var receipt = NewReceipt(id, type, request, tenant, queue, lane, payload, chunks.Length);
        if (await receipts.AddAsync(receipt, chunks, cancellation) is { } etag)
        {
            kill.Pass(KillPoints.AfterReceipt);
            await SendAsync(id, type, request.Version, tenant, queue, lane, etag, payload, chunks.Length > 0, cancellation);
            kill.Pass(KillPoints.AfterSend);
            return new Submitted.Accepted(id, type.Name, JobState.Queued, Replayed: false);
        }
        return await RepeatAsync(id, type, payload, cancellation);
    }

    /// <summary>The key was used before: the job there is, if this is the same request; and its message, if that was never sent.</summary>
    private async Task<Submitted> RepeatAsync(string id, JobType type, Payload payload, CancellationToken cancellation)
    {
        var existing = await receipts.FindAsync(id, cancellation)
            ?? throw new InvalidDataException($"The receipt of job {id} was there and is gone.");
        if (existing.PayloadHash != payload.Hash)
            return Submitted.Refuse(Refusal.IdempotencyKeyReused, $"This Idempotency-Key belongs to job {id}, which has another payload. Use a new key for a new request.");

        // Nobody can say whether the message was sent, so it is sent again: within its window the broker drops the second copy, after
        // it the claim does.
        if (existing is { State: JobState.Queued, Attempt: 0 })
            await SendAsync(id, type, existing.Version, existing.Tenant, existing.Queue, existing.Lane, existing.ETag, payload, existing.PayloadChunks > 0, cancellation);

        return new Submitted.Accepted(id, type.Name, existing.State, Replayed: true);
    }

    private Task SendAsync(
        string id, JobType type, int? version, string tenant, Queue queue, string lane, ETag etag, Payload payload, bool besideReceipt, CancellationToken cancellation)
    {
        var message = new JobMessage(
            id, type.Name, version ?? type.Version, tenant, lane, Attempt: 1, PutOffs: 0, etag, payload.Hash, Activity.Current?.Id, besideReceipt ? default : payload.Bytes);
        return queues.SendAsync(queue, message, cancellation);
    }

    private TableEntity NewReceipt(string id, JobType type, SubmitRequest request, string tenant, Queue queue, string lane, Payload payload, int chunks)
    {
        var receipt = new TableEntity(id, ReceiptTable.ReceiptRow)
        {
            [Column.Type] = type.Name,
            [Column.Version] = request.Version ?? type.Version,
            [Column.Tenant] = tenant,
            [Column.Queue] = queue.ToString(),
            [Column.Lane] = lane,
            [Column.State] = nameof(JobState.Queued),
            [Column.Attempt] = 0,
            [Column.PayloadHash] = payload.Hash,
            [Column.PayloadBytes] = payload.Bytes.Length,
            [Column.SubmittedAt] = clock.GetUtcNow(),
        };
        if (chunks > 0)
            receipt[Column.PayloadChunks] = chunks;
        if (request.OrderingKey is { } orderingKey)
            receipt[Column.OrderingKey] = orderingKey;
        if (request.CorrelationId is { } correlationId)
            receipt[Column.CorrelationId] = correlationId;
        if (Activity.Current?.Id is { } trace)
            receipt[Column.TraceParent] = trace;
        return receipt;
    }
}
