using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Statistics;
using Weir.Workflows;

namespace Weir.Execution;

/// <summary>
/// Takes a job for an attempt: one conditional write against the ETag in the message, with no read. Only when that fails is the
/// receipt read, and says what has happened: the job is done, another instance runs it, one died running it, or a message was lost.
/// </summary>
internal sealed class Claims(ReceiptTable receipts, JobQueues queues, RetryPolicies policies, Instance instance, IOptions<WeirOptions> options, JobStatistics statistics, TimeProvider clock)
{
    private const int MaxTries = 3;

    /// <summary>What another instance's clock may be ahead of ours before we call its lease dead.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(1);

    private TimeSpan Lease => options.Value.Lease;

    public async Task<Claimed> TakeAsync(JobMessage message, JobType type, Queue queue, CancellationToken cancellation)
    {
        var attempt = NewAttempt(message.Attempt, message, type);
        if (type.Guarantee == Guarantee.AtLeastOnce)
            return new Claimed.Ours(new Claim(receipts, message, attempt, message.ReceiptETag, Lease, clock, held: false));
        if (await receipts.ClaimAsync(message.JobId, message.ReceiptETag, attempt, cancellation) is { } etag)
            return new Claimed.Ours(new Claim(receipts, message, attempt, etag, Lease, clock));

        return await DecideAsync(message, type, queue, cancellation, isDelivery: true);
    }

    /// <summary>What to do with a message whose receipt is not as it was when the message was made.</summary>
    /// <param name="message">The message.</param>
    /// <param name="type">Its job's type.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="isDelivery">Whether it has just come; else an attempt of it has ended.</param>
    public async Task<Claimed> DecideAsync(JobMessage message, JobType type, Queue queue, CancellationToken cancellation, bool isDelivery = false)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var receipt = await receipts.FindAsync(message.JobId, cancellation);
            if (receipt is null)
                return Claimed.Not(new Settlement.DeadLetter(DeadLetterReason.Poison, $"There is no receipt of job {message.JobId}."));
            // What the reconciler has sent once more is no duplicate, though its job may have ended.
            if (isDelivery && tries == 1 && message.Resends == 0 && (receipt.State.IsFinal() || message.Replays < receipt.Replays))
                statistics.DuplicateDelivery(message, queue);
            if (await DecideAsync(message, type, queue, receipt, cancellation) is { } decided)
                return decided;
        }
        return Claimed.Not(await PutOffAsync(message, queue, clock.GetUtcNow() + Lease, cancellation));
    }

    /// <summary>Null when the receipt changed under our hands: read it again.</summary>
    private async Task<Claimed?> DecideAsync(JobMessage message, JobType type, Queue queue, Receipt receipt, CancellationToken cancellation) => receipt.State switch
    {
        // A copy left over from before a replay: its run is over, and a mended payload is not the one it carries.
        _ when message.Replays < receipt.Replays => Claimed.Not(Settlement.Completed),

        // A second copy of a message whose work is done, or one whose Complete was lost: perhaps with what follows the end still to do.
        var state when state.IsFinal() => new Claimed.Ended(receipt),

        // Its owner is an orchestration, which outlives every instance. It may only not be there yet, if whoever claimed the job died before starting it.
        _ when receipt.IsOrchestrated => Owned(message, receipt),

        JobState.Running when receipt.LeaseUntil + ClockSkew > clock.GetUtcNow() =>
            Claimed.Not(await PutOffAsync(message, queue, receipt.LeaseUntil + ClockSkew, cancellation)),

        // Somebody asked for it while it ran, and whoever ran it gave it up or disappeared before they noticed. A workflow is told when it begins, and undoes what stands.
        _ when receipt.CancelRequestedAt is not null && type is not WorkflowType => await CancelAsync(message, queue, receipt, cancellation),

        // Its time ran out between the look at its expiry and this one: the next look ends it.
        _ when message.ExpiresAt <= clock.GetUtcNow() => Claimed.Not(await PutOffAsync(message, queue, clock.GetUtcNow(), cancellation)),

        JobState.Running => await TakeOverAsync(message, type, queue, receipt, cancellation),

        // The attempt failed and its instance died before the next one was sent, or before this message was completed.
        JobState.Retrying when message.Attempt <= receipt.Attempt => Claimed.Not(await SendNextAttemptAsync(message, queue, receipt, cancellation)),

        _ => await ClaimAsync(message, receipt, NewAttempt(Math.Max(message.Attempt, receipt.LeastAttempt), message, type), cancellation),
    };

    private async Task<Claimed?> ClaimAsync(JobMessage message, Receipt receipt, Attempt attempt, CancellationToken cancellation) =>
        await receipts.ClaimAsync(message.JobId, receipt.ETag, attempt, cancellation) is { } etag
            ? new Claimed.Ours(new Claim(receipts, message, attempt, etag, Lease, clock) { BeganBefore = receipt.Attempt >= attempt.Number })
            : null;

    /// <summary>The owner's lease has ended without an outcome: that attempt is lost, and counts.</summary>
    private async Task<Claimed?> TakeOverAsync(JobMessage message, JobType type, Queue queue, Receipt receipt, CancellationToken cancellation)
    {
        var lost = Lost(receipt, clock.GetUtcNow());
        var most = policies.Of(type, message.JobId, message.Tenant).Attempts;
        if (receipt.Attempt - receipt.EarlierAttempts >= most)
        {
            // Read again, it is a job that has ended: what follows its end is done as for any other.
            if (await receipts.DeadLetterAsync(message.JobId, receipt.ETag, lost, DeadLetterReason.AttemptsExhausted, cancellation) is not null)
                statistics.Ended(JobEvent.DeadLettered, message, queue, DeadLetterReason.AttemptsExhausted);
            return null;
        }

        var attempt = NewAttempt(receipt.Attempt + 1, message, type);
        return await receipts.TakeOverAsync(message.JobId, receipt.ETag, attempt, lost, cancellation) is { } etag
            ? new Claimed.Ours(new Claim(receipts, message with { Attempt = attempt.Number, PutOffs = 0 }, attempt, etag, Lease, clock))
            : null;
    }

    private async Task<Claimed?> CancelAsync(JobMessage message, Queue queue, Receipt receipt, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (await receipts.CancelAsync(receipt.Id, receipt.ETag, now, new CancelRequest(), receipt.State == JobState.Running ? Lost(receipt, now) : null, cancellation) is not null)
            statistics.Ended(JobEvent.Cancelled, message, queue);
        return null; // read again: it is final now, or somebody else has changed it
    }

    /// <summary>The attempt of an owner who has disappeared: it is lost, and counts.</summary>
    public static AttemptRecord Lost(Receipt receipt, DateTimeOffset now)
    {
        var error = new JobError(ErrorClass.Transient, "WorkerLost", $"The instance {receipt.Owner} did not renew its lease, which ended at {receipt.LeaseUntil:O}.", Stack: null);
        return new AttemptRecord(receipt.Attempt, receipt.StartedAt ?? receipt.SubmittedAt, now, receipt.Owner ?? "", AttemptOutcome.WorkerLost, error);
    }

    private async Task<Settlement> SendNextAttemptAsync(JobMessage message, Queue queue, Receipt receipt, CancellationToken cancellation)
    {
        await queues.RetryAsync(queue, message, receipt.Attempt + 1, receipt.ETag, receipt.NotBefore ?? clock.GetUtcNow(), cancellation);
        return Settlement.Completed;
    }

    public async Task<Settlement> PutOffAsync(JobMessage message, Queue queue, DateTimeOffset until, CancellationToken cancellation)
    {
        await queues.PutOffAsync(queue, message with { PutOffBecause = "Another attempt had its lease when its turn came" }, PutOffReason.Leased, until, cancellation);
        return Settlement.Completed;
    }

    private Claimed.Ours Owned(JobMessage message, Receipt receipt) =>
        new(new Claim(receipts, message, new Attempt(receipt.Attempt, receipt.Owner!, receipt.StartedAt ?? clock.GetUtcNow(), receipt.LeaseUntil), receipt.ETag, Lease, clock));

    /// <summary>A workflow is claimed for its orchestration, whose lease never ends.</summary>
    private Attempt NewAttempt(int number, JobMessage message, JobType type)
    {
        var now = clock.GetUtcNow();
        return type is WorkflowType ? new Attempt(number, Orchestrations.OwnerOf(message.JobId, message.Replays), now, Orchestrations.Endless) : new Attempt(number, instance.Id, now, now + Lease);
    }
}

/// <summary>The answer to a claim.</summary>
internal abstract record Claimed
{
    private Claimed() { }

    public sealed record Ours(Claim Claim) : Claimed;

    /// <summary>The job is final already.</summary>
    public sealed record Ended(Receipt Receipt) : Claimed;

    public sealed record NotOurs(Settlement Settlement) : Claimed;

    public static Claimed Not(Settlement settlement) => new NotOurs(settlement);
}
