using Weir.Catalog;
using Weir.Completion;
using Weir.Execution;
using Weir.Lanes;
using Weir.Limits;
using Weir.Receipts;
using Weir.Statistics;
using Weir.Telemetry;
using Weir.Uniqueness;

namespace Weir.Submission;

/// <summary>
/// Accepts jobs: catalogue and contract → id → receipt → message. Once a submission has been answered Accepted the broker
/// has the message, so the job is not lost by any crash after that; before it, a repetition under the same key takes up
/// whatever an interrupted try left.
/// </summary>
internal sealed class JobSubmission(
    JobCatalog catalog, ReceiptTable receipts, JobQueues queues, UniqueSubmission uniques, SubmissionGates gates, JobSlots slots, CallbackUrls callbacks, KillPoints kill, LaneCounts lanes, JobStatistics statistics, TimeProvider clock, Random chance)
{
    /// <summary>The largest payload.</summary>
    public const int MaxPayload = 1024 * 1024;

    /// <summary>Sends a job that another one enqueued by succeeding; sent again after a crash it is the same job.</summary>
    /// <exception cref="InvalidOperationException">The job cannot be accepted by this build any more.</exception>
    public async Task SubmitChildAsync(ChildJob child, string parentId, string tenant, CancellationToken cancellation)
    {
        if (await SubmitFollowingAsync(child.Request, tenant, child.IdempotencyKeyUnder(parentId), cancellation) is Submitted.Refused refused)
            throw new InvalidOperationException($"Child {child.Number} of job {parentId} ('{child.Request.Type}') is refused: {refused.Detail}");
    }

    /// <summary>
    /// Submits the job of a schedule's occurrence, or takes up what an interrupted try left of it: whatever the schedule, the type or its contract have become since, what has
    /// a receipt is a job.
    /// </summary>
    public async Task<Submitted> SubmitOccurrenceAsync(SubmitRequest request, string tenant, CancellationToken cancellation)
    {
        var id = request.Occurrence!.JobId;
        var submitted = await SubmitFollowingAsync(request, tenant, idempotencyKey: id, cancellation);
        if (submitted is not Submitted.Refused || await receipts.FindAsync(id, cancellation) is not { } existing)
            return submitted;
        if (existing is { State: JobState.Queued or JobState.Scheduled, Attempt: 0 })
            await queues.SendFirstAsync(existing.Queue, existing.ToMessage(default), existing.NotBefore > clock.GetUtcNow() ? existing.NotBefore : null, cancellation);
        return new Submitted.Accepted(id, existing.Type, existing.State, Replayed: true);
    }

    /// <summary>Submits a job from outside, if there is room for it.</summary>
    public Task<Submitted> SubmitAsync(SubmitRequest request, string tenant, string? idempotencyKey, CancellationToken cancellation) =>
        SubmitAsync(request, tenant, idempotencyKey, gates, cancellation);

    /// <summary>Submits a job that follows from what was accepted before: nobody asks whether there is room.</summary>
    public Task<Submitted> SubmitFollowingAsync(SubmitRequest request, string tenant, string? idempotencyKey, CancellationToken cancellation) =>
        SubmitAsync(request, tenant, idempotencyKey, gates: null, cancellation);

    private async Task<Submitted> SubmitAsync(SubmitRequest request, string tenant, string? idempotencyKey, SubmissionGates? gates, CancellationToken cancellation)
    {
        using var span = Spans.Submission(request, tenant);
        var submitted = await TakeAsync(request, tenant, idempotencyKey, gates, cancellation);
        span.Tell(submitted);
        return submitted;
    }

    private async Task<Submitted> TakeAsync(SubmitRequest request, string tenant, string? idempotencyKey, SubmissionGates? gates, CancellationToken cancellation)
    {
        if (Check(request, tenant, idempotencyKey, out var job) is { } refused)
            return refused;
        if (request.Unique is not null)
            return await uniques.SubmitAsync(job!, keyed: idempotencyKey is not null, gates, cancellation);
        if (gates is not null && await AskAsync(gates, job!, keyed: idempotencyKey is not null, cancellation) is { } answer)
            return answer;
        if (await receipts.AddAsync(job!.ToReceipt(), job.Chunks, cancellation) is not { } etag)
            return await RepeatAsync(job, cancellation);

        kill.Pass(KillPoints.AfterReceipt);
        var message = job.ToMessage(etag);
        var at = await slots.SendAtAsync(message, job.NotBefore, ahead: 0, cancellation);
        await queues.SendFirstAsync(job.Queue, message, at, cancellation);
        kill.Pass(KillPoints.AfterSend);
        statistics.Count(JobEvent.Submitted, job.Type.Name, job.Queue, job.Tenant);
        return job.Accepted;
    }

    /// <summary>Null when there is room. A request that was accepted before is never refused: it is looked up then, which is the only read that this costs.</summary>
    public async Task<Submitted?> AskAsync(SubmissionGates gates, NewJob job, bool keyed, CancellationToken cancellation)
    {
        if (await gates.AskAsync(job, cancellation) is not { } full)
            return null;
        return keyed && await receipts.FindAsync(job.Id, cancellation) is not null ? await RepeatAsync(job, cancellation) : full;
    }

    /// <summary>Compares a request with the catalogue, and makes the job of it that is to be accepted; or says why not.</summary>
    public Submitted.Refused? Check(SubmitRequest request, string tenant, string? idempotencyKey, out NewJob? job)
    {
        job = null;
        if (catalog.Find(request.Type) is not { } type || (type.IsInternal && !request.IsInternal))
            return Submitted.Refuse(Refusal.UnknownType, $"There is no job type '{request.Type}' here; GET /api/catalog lists those there are.");
        var now = clock.GetUtcNow();
        if (request.Timing.Check(now) is { } wrongTime)
            return Submitted.Refuse(Refusal.WrongTime, "The job's times do not fit.", [wrongTime]);
        if (request.Version > type.Version)
            return Submitted.Refuse(Refusal.VersionTooNew, $"'{type.Name}' is served at version {type.Version}; version {request.Version} is newer than this deployment.");

        if (request.Version is { } version && !type.Versions.Contains(version))
            return Submitted.Refuse(Refusal.VersionTooOld, $"'{type.Name}' is served at version {string.Join(", ", type.Versions)}; version {version} is not accepted any more.");

        var errors = type.Check(request.Version ?? type.Version, request.Payload);
        if (errors.Count > 0)
            return Submitted.Refuse(Refusal.ContractViolation, $"The payload breaks the contract of '{type.Name}'.", [.. errors.Select(error => error with { Pointer = "/payload" + error.Pointer })]);

        if (request.CallbackUrl is { } callback && callbacks.Refuse(callback, tenant) is { } wrong)
            return Submitted.Refuse(Refusal.CallbackRefused, wrong);

        var payload = Payload.Of(request.Payload);
        if (payload.Bytes.Length > MaxPayload)
            return Submitted.Refuse(Refusal.PayloadTooLarge, $"The payload has {payload.Bytes.Length:N0} bytes; the most is {MaxPayload:N0}.");

        var id = request.Occurrence?.JobId ?? request.Batch?.JobIdIn(tenant)
            ?? (idempotencyKey is null ? JobId.New(now, chance) : JobId.FromKey(tenant, type.Name, idempotencyKey));
        var queue = request.Priority ?? type.Queue;
        job = new NewJob(id, type, request, tenant, queue, Lane.For(tenant, request.OrderingKey ?? id, lanes.Of(tenant, queue)), payload, now);
        return null;
    }

    /// <summary>The key was used before: the job there is, if this is the same request; and its message, if that was never sent.</summary>
    public async Task<Submitted> RepeatAsync(NewJob job, CancellationToken cancellation)
    {
        var existing = await receipts.FindInPlaceOfAsync(job.Id, job.SubmittedAt, cancellation)
            ?? throw new InvalidDataException($"The receipt of job {job.Id} was there and is gone.");
        if (existing.SubmittedHash != job.Payload.Hash)
            return Submitted.Refuse(Refusal.IdempotencyKeyReused, $"This Idempotency-Key belongs to job {job.Id}, which has another payload. Use a new key for a new request.");

        // Nobody can say whether the message was sent, so it is sent again: within its window the broker drops the second copy, after
        // it the claim does. What it says is taken from the receipt: the first request counts.
        if (existing.Unique is not null)
            return await uniques.RepeatAsync(existing, cancellation);
        receipts.IndexAgain(existing);
        if (existing is { State: JobState.Queued or JobState.Scheduled, Attempt: 0 })
            await queues.SendFirstAsync(existing.Queue, existing.ToMessage(job.Payload.Bytes), existing.NotBefore > clock.GetUtcNow() ? existing.NotBefore : null, cancellation);

        return new Submitted.Accepted(job.Id, job.Type.Name, existing.State, Replayed: true);
    }
}
