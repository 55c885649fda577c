using System.Text.Json;
using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir.Execution;

/// <summary>
/// Takes one message to its end: read → claim → handler → outcome → settlement. Each pair of steps is ordered so that a crash between
/// them leaves something that brings the job on: the outcome is on the receipt before the next message is sent, and that is
/// sent before this one is settled.
/// </summary>
public sealed partial class JobRunner
{
    /// <summary>How soon a job comes back that this build cannot read: a newer one may be on its way through the instances.</summary>
    private static readonly TimeSpan UntilNewerBuild = TimeSpan.FromSeconds(30);

    /// <summary>How soon a job comes back whose receipt could not be reached.</summary>
    private static readonly TimeSpan UntilStoreIsBack = TimeSpan.FromSeconds(10);

    private readonly JobCatalog catalog;
    private readonly ReceiptTable receipts;
    private readonly JobQueues queues;
    private readonly Claims claims;
    private readonly AttemptRun attempts;
    private readonly Instance instance;
    private readonly TimeProvider clock;
    private readonly ILogger<JobRunner> logger;

    internal JobRunner(
        JobCatalog catalog, ReceiptTable receipts, JobQueues queues, Claims claims, AttemptRun attempts, Instance instance, TimeProvider clock, ILogger<JobRunner> logger) =>
        (this.catalog, this.receipts, this.queues, this.claims, this.attempts, this.instance, this.clock, this.logger) =
        (catalog, receipts, queues, claims, attempts, instance, clock, logger);

    /// <summary>Runs the job that a message carries. Throws nothing: whatever happens, the answer says what is to become of the message.</summary>
    /// <param name="received">The message, locked by the caller, who settles it as the answer says.</param>
    /// <param name="queue">The queue it came from.</param>
    /// <param name="stopping">Fires when the instance has to stop, or the message's lock is lost.</param>
    public async Task<Settlement> RunAsync(ServiceBusReceivedMessage received, Queue queue, CancellationToken stopping)
    {
        if (JobMessage.Of(received) is not { } message)
            return Poison(received.MessageId ?? "(no id)", "It was not made by Weir: its properties are missing.");
        try
        {
            return await RunAsync(message, queue, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Settlement.HandedBack;
        }
        catch (Exception failure)
        {
            return await PutOffAfterAsync(failure, message, queue);
        }
    }

    private async Task<Settlement> RunAsync(JobMessage message, Queue queue, CancellationToken stopping)
    {
        if (catalog.Find(message.Type) is not { } type || message.Version > type.Version)
            return await AwaitNewerBuildAsync(message, queue, stopping);

        var payload = message.Body.IsEmpty ? await receipts.ReadPayloadAsync(message.JobId, stopping) : message.Body;
        if (Payload.HashOf(payload.Span) != message.PayloadHash)
            return Poison(message.MessageId, "Its payload is not the one that was accepted: the SHA-256 differs.");

        var claimed = await claims.TakeAsync(message, type, queue, stopping);
        if (claimed is Claimed.NotOurs refused)
            return refused.Settlement;

        using var claim = ((Claimed.Ours)claimed).Claim;
        return await attempts.RunAsync(claim, type, payload, stopping) switch
        {
            AttemptResult.Succeeded success => await SucceedAsync(claim, success),
            AttemptResult.Failed failure => await FailAsync(claim, type, queue, failure),
            AttemptResult.Interrupted => await HandBackAsync(claim),
            _ => Fenced(claim),
        };
    }

    private async Task<Settlement> SucceedAsync(Claim claim, AttemptResult.Succeeded success)
    {
        var attempt = Record(claim, AttemptOutcome.Succeeded, error: null);
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.SucceedAsync(claim.Message.JobId, etag, attempt, success.Result, token), JobState.Succeeded, CancellationToken.None);
        if (recorded is null)
            return Fenced(claim);

        LogSucceeded(claim.Message.JobId, claim.Message.Type, attempt.Number, (attempt.FinishedAt - attempt.StartedAt).TotalMilliseconds);
        return Settlement.Completed;
    }

    private async Task<Settlement> FailAsync(Claim claim, JobType type, Queue queue, AttemptResult.Failed failure)
    {
        var attempt = Record(claim, failure.Outcome, JobError.From(failure.Class, failure.Exception));
        var policy = RetryPolicies.Find(type.RetryPolicy);
        return attempt.Number < policy.AttemptsFor(failure.Class)
            ? await RetryAsync(claim, queue, attempt, failure.RetryAfter ?? policy.DelayAfter(claim.Message.JobId, attempt.Number))
            : await DeadLetterAsync(claim, attempt, failure);
    }

    private async Task<Settlement> RetryAsync(Claim claim, Queue queue, AttemptRecord attempt, TimeSpan delay)
    {
        var notBefore = attempt.FinishedAt + delay;
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.RetryAsync(claim.Message.JobId, etag, attempt, notBefore, token), JobState.Retrying, CancellationToken.None);
        if (recorded is not { } receipt)
            return Fenced(claim);

        await queues.RetryAsync(queue, claim.Message, attempt.Number + 1, receipt, notBefore, CancellationToken.None);
        LogRetrying(claim.Message.JobId, claim.Message.Type, attempt.Number, attempt.Error!.Class, attempt.Error.Type, delay.TotalSeconds);
        return Settlement.Completed;
    }

    private async Task<Settlement> DeadLetterAsync(Claim claim, AttemptRecord attempt, AttemptResult.Failed failure)
    {
        var reason = failure.Exception is JsonException ? DeadLetterReason.Contract
            : failure.Class == ErrorClass.Permanent ? DeadLetterReason.Permanent
            : DeadLetterReason.AttemptsExhausted;
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.DeadLetterAsync(claim.Message.JobId, etag, attempt, reason, token), JobState.DeadLettered, CancellationToken.None);
        if (recorded is null)
            return Fenced(claim);

        LogDeadLettered(claim.Message.JobId, claim.Message.Type, attempt.Number, reason, attempt.Error!.Type);
        return new Settlement.DeadLetter(reason, attempt.Error.Message);
    }

    /// <summary>The instance stops: the receipt says that nobody runs the job, and its message stays first in its lane.</summary>
    private async Task<Settlement> HandBackAsync(Claim claim)
    {
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.HandBackAsync(claim.Message.JobId, etag, token), JobState.Queued, CancellationToken.None);
        if (recorded is null)
            return Fenced(claim);

        LogHandedBack(claim.Message.JobId, claim.Message.Type, claim.Attempt.Number);
        return Settlement.HandedBack;
    }

    /// <summary>Somebody else owns the job by now and settles it by a message of their own; what this attempt did is not recorded.</summary>
    private Settlement Fenced(Claim claim)
    {
        LogFenced(claim.Message.JobId, claim.Message.Type, claim.Attempt.Number);
        return Settlement.Completed;
    }

    private async Task<Settlement> AwaitNewerBuildAsync(JobMessage message, Queue queue, CancellationToken stopping)
    {
        LogTooNew(message.JobId, message.Type, message.Version);
        await queues.PutOffAsync(queue, message, clock.GetUtcNow() + UntilNewerBuild, stopping);
        return Settlement.Completed;
    }

    /// <summary>
    /// A table or the broker failed beyond the SDK's own retries. A throw would bring the message back at once, ten times, and then kill it;
    /// so a copy comes later. If even that cannot be sent, the lane is let go and the broker hands the message out again.
    /// </summary>
    private async Task<Settlement> PutOffAfterAsync(Exception failure, JobMessage message, Queue queue)
    {
        LogStoreAway(failure, message.JobId, message.Type);
        try
        {
            await queues.PutOffAsync(queue, message, clock.GetUtcNow() + UntilStoreIsBack, CancellationToken.None);
            return Settlement.Completed;
        }
        catch (Exception alsoAway)
        {
            LogStoreAway(alsoAway, message.JobId, message.Type);
            return Settlement.HandedBack;
        }
    }

    private Settlement.DeadLetter Poison(string messageId, string why)
    {
        LogPoison(messageId, why);
        return new Settlement.DeadLetter(DeadLetterReason.Poison, why);
    }

    private AttemptRecord Record(Claim claim, AttemptOutcome outcome, JobError? error) =>
        new(claim.Attempt.Number, claim.Attempt.StartedAt, clock.GetUtcNow(), instance.Id, outcome, error);
}
