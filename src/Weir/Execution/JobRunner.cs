using System.Diagnostics;
using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;
using Weir.Batches;
using Weir.Breakers;
using Weir.Catalog;
using Weir.Concurrency;
using Weir.Controls;
using Weir.Lanes;
using Weir.Limits;
using Weir.Receipts;
using Weir.Retries;
using Weir.Statistics;
using Weir.Submission;
using Weir.Telemetry;
using Weir.Workflows;

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

    /// <summary>What cannot be read is tried again this often, in case that another build wrote it, and is poison then: it would come again for ever.</summary>
    private const int MostPutOffsUnreadable = 3;

    /// <summary>
    /// How long a job in strict order waits for its next attempts in its lane, all of them together, before it gives the lane up: the lane's other
    /// keys wait that long with it. Going through the table costs about ten operations and the lane's backlog, so what is over sooner is not worth it.
    /// </summary>
    private static readonly TimeSpan LongestInPlace = TimeSpan.FromSeconds(2);

    private readonly JobCatalog catalog;
    private readonly ReceiptTable receipts;
    private readonly JobQueues queues;
    private readonly Claims claims;
    private readonly AttemptRun attempts;
    private readonly JobEndings endings;
    private readonly Expiry expiry;
    private readonly InFlight inFlight;
    private readonly OrderedKeys keys;
    private readonly LaneTurns turns;
    private readonly BatchGate batches;
    private readonly ControlGate controls;
    private readonly ConcurrencyLimits concurrency;
    private readonly Orchestrations orchestrations;
    private readonly BreakerBoard breakers;
    private readonly JobSlots slots;
    private readonly RetryPolicies policies;
    private readonly RetryBudget budget;
    private readonly KillPoints kill;
    private readonly JobStatistics statistics;
    private readonly Instance instance;
    private readonly TimeProvider clock;
    private readonly ILogger<JobRunner> logger;

    internal JobRunner(
        JobCatalog catalog, ReceiptTable receipts, JobQueues queues, Claims claims, AttemptRun attempts, JobEndings endings, Expiry expiry, InFlight inFlight,
        OrderedKeys keys, LaneTurns turns, BatchGate batches, ControlGate controls, ConcurrencyLimits concurrency, Orchestrations orchestrations, BreakerBoard breakers, JobSlots slots, RetryPolicies policies,
        RetryBudget budget, KillPoints kill, JobStatistics statistics, Instance instance, TimeProvider clock, ILogger<JobRunner> logger)
    {
        (this.catalog, this.receipts, this.queues, this.claims, this.attempts, this.endings) = (catalog, receipts, queues, claims, attempts, endings);
        (this.expiry, this.inFlight) = (expiry, inFlight);
        (this.keys, this.turns, this.batches, this.orchestrations, this.breakers) = (keys, turns, batches, orchestrations, breakers);
        (this.controls, this.concurrency, this.slots) = (controls, concurrency, slots);
        (this.policies, this.budget, this.kill, this.statistics, this.instance, this.clock, this.logger) = (policies, budget, kill, statistics, instance, clock, logger);
    }

    /// <summary>Runs the job that a message carries. Throws nothing: whatever happens, the answer says what is to become of the message.</summary>
    /// <param name="received">The message, locked by the caller, who settles it as the answer says.</param>
    /// <param name="queue">The queue it came from.</param>
    /// <param name="stopping">Fires when the instance has to stop, or the message's lock is lost.</param>
    public async Task<Settlement> RunAsync(ServiceBusReceivedMessage received, Queue queue, CancellationToken stopping)
    {
        if (JobMessage.Of(received) is not { } message)
            return Poison(received.MessageId ?? "(no id)", "It was not made by Weir: its properties are missing.");

        turns.Begin(queue, message.Lane);
        Settlement settlement;
        try
        {
            settlement = await RunAsync(message, queue, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            settlement = Settlement.HandedBack;
        }
        catch (Exception failure)
        {
            settlement = await PutOffAfterAsync(failure, message, queue, stopping);
        }
        return turns.IsOver(queue, message.Lane) ? settlement with { EndsTurn = true } : settlement;
    }

    private async Task<Settlement> RunAsync(JobMessage message, Queue queue, CancellationToken stopping)
    {
        if (message.StrictKey is not null)
        {
            // Before all else: what is put off or dead-lettered below is so in its turn.
            if (await keys.TakeTurnAsync(message, queue, stopping) is not { } itsTurn)
                return Settlement.Completed;
            message = itsTurn;
        }
        if (expiry.IsPast(message))
            return await ExpireAsync(message, queue, stopping);
        if (catalog.Find(message.Type) is not { } type || message.Version > type.Version)
            return await AwaitNewerBuildAsync(message, queue, stopping);

        var payload = message.Body.IsEmpty ? await receipts.ReadPayloadAsync(message.JobId, stopping) : message.Body;
        if (Payload.HashOf(payload.Span) != message.PayloadHash)
        {
            await keys.AfterAsync(message, JobState.DeadLettered, stopping);
            return Poison(message.MessageId, "Its payload is not the one that was accepted: the SHA-256 differs.");
        }

        var waited = TimeSpan.Zero;
        while (true)
        {
            var settlement = await TryAsync(message, type, queue, payload, stopping);
            if (settlement is not Settlement.TryAgain next)
                return settlement;

            var wait = next.At - clock.GetUtcNow();
            if (waited + wait > LongestInPlace)
            {
                await queues.RetryAsync(queue, next.Message, next.Message.Attempt, next.Message.ReceiptETag, next.At, CancellationToken.None);
                kill.Pass(KillPoints.AfterRetrySent);
                return Settlement.Completed;
            }
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, clock, stopping);
            (message, waited) = (next.Message, wait > TimeSpan.Zero ? waited + wait : waited);
        }
    }

    /// <summary>One attempt, if it may begin now.</summary>
    private async Task<Settlement> TryAsync(JobMessage message, JobType type, Queue queue, ReadOnlyMemory<byte> payload, CancellationToken stopping)
    {
        if (message.Batch is not null && await batches.StopAsync(message, queue, stopping) is { } stopped)
            return stopped;
        if (await controls.StopAsync(message, queue, stopping) is { } paused)
            return paused;
        if (expiry.IsPast(message))
            return await ExpireAsync(message, queue, stopping); // again: what stops it may have had to be read first, and of two attempts in place the second may come after it
        using var room = concurrency.TryEnter(type, queue, message.JobId, out var roomAt);
        if (room is null)
            return await PutOffAsync(message, type, queue, PutOffReason.Concurrency, roomAt, "As many as may run at once in an instance did", stopping);
        if (breakers.TryEnter(type, message.JobId) is { } again)
            return await PutOffAsync(message, type, queue, PutOffReason.Breaker, again, "A breaker of what it depends on is open", stopping);
        var slot = await slots.EnterAsync(message, type, stopping);
        if (slot.PutOffUntil is { } turn)
        {
            breakers.Leave(type);
            return await PutOffAsync(message, type, queue, PutOffReason.Rate, turn, "The rate of its type or tenant allows no start now", stopping);
        }

        var claimed = await claims.TakeAsync(message, type, queue, stopping);
        if (claimed is not Claimed.Ours)
            breakers.Leave(type);
        return claimed switch
        {
            Claimed.Ours ours when type is WorkflowType => await StartWorkflowAsync(ours.Claim, type, queue, stopping),
            Claimed.Ours ours => await RunClaimedAsync(ours.Claim, type, queue, payload, room, slot, stopping),
            Claimed.Ended ended => await EndedBeforeAsync(message, ended.Receipt, stopping),
            Claimed.NotOurs refused => refused.Settlement,
            var other => throw new UnreachableException(other.ToString()),
        };
    }

    /// <summary>The claim took longer than the job's slot was open. Nothing has been run, so nothing is burnt: a copy comes at once, and takes another slot.</summary>
    private async Task<Settlement> GiveBackAsync(Claim claim, JobType type, Queue queue, CancellationToken stopping)
    {
        breakers.Leave(type);
        var message = claim.Message;
        if (claim.IsHeld)
        {
            if (await claim.RecordAsync((etag, token) => receipts.HandBackAsync(message.JobId, etag, token), JobState.Queued, CancellationToken.None) is not { } receipt)
                return await FencedAsync(claim, type, queue);
            kill.Pass(KillPoints.AfterSlotGivenBack);
            // One that was begun before has a number and checkpoints that only the receipt tells: by the old ETag the next claim reads it.
            if (!claim.BeganBefore && claim.Attempt.Number == message.Attempt)
                message = message with { ReceiptETag = receipt };
        }
        return await PutOffAsync(message, type, queue, PutOffReason.SlotOver, clock.GetUtcNow(), "Its slot was over before it was claimed", stopping);
    }

    /// <summary>From here on the orchestration has the job, and ends it.</summary>
    private async Task<Settlement> StartWorkflowAsync(Claim claimed, JobType type, Queue queue, CancellationToken stopping)
    {
        using var claim = claimed;
        using var span = Spans.Attempt(claim, type, queue);
        breakers.Leave(type);
        kill.Pass(KillPoints.AfterWorkflowClaim);
        statistics.Started(claim.Message, queue);
        await keys.KeepTurnAsync(claim.Message, stopping);
        await orchestrations.StartAsync(claim.Message.JobId, claim.Message.Replays, stopping);
        kill.Pass(KillPoints.AfterWorkflowStart);
        return Settlement.Completed;
    }

    private async Task<Settlement> RunClaimedAsync(Claim claimed, JobType type, Queue queue, ReadOnlyMemory<byte> payload, Room room, SlotAnswer slot, CancellationToken stopping)
    {
        using var claim = claimed;
        if (!await controls.MayStartAsync(claim.Message, queue, stopping))
        {
            breakers.Leave(type);
            return await HandBackAsync(claim, type, queue);
        }
        if (slots.IsOver(slot))
            return await GiveBackAsync(claim, type, queue, stopping); // last: nothing is waited for between this and the start
        using var span = Spans.Attempt(claim, type, queue);
        using var entry = inFlight.Enter(claim);
        using var running = statistics.Running(claim.Message, queue);
        budget.Count(type, claim.Attempt.Number);
        statistics.Started(claim.Message, queue);
        kill.Pass(KillPoints.InHandler);
        var result = await attempts.RunAsync(claim, type, payload, stopping);
        statistics.Ran(claim.Message, queue, clock.GetUtcNow() - claim.Attempt.StartedAt);
        room.Report(result);
        span.Tell(result);
        await breakers.ReportAsync(type, result);
        kill.Pass(KillPoints.AfterHandler);
        return result switch
        {
            AttemptResult.Succeeded success => await SucceedAsync(claim, type, queue, success),
            AttemptResult.Failed failure => await FailAsync(claim, type, queue, failure),
            AttemptResult.Cancelled => await CancelAsync(claim, type, queue),
            AttemptResult.Interrupted when type.Guarantee == Guarantee.AtMostOnce => await FailAsync(claim, type, queue, HalfRun),
            AttemptResult.Interrupted => await HandBackAsync(claim, type, queue),
            _ => await FencedAsync(claim, type, queue),
        };
    }

    private async Task<Settlement> SucceedAsync(Claim claim, JobType type, Queue queue, AttemptResult.Succeeded success)
    {
        var id = claim.Message.JobId;
        var attempt = Record(claim, AttemptOutcome.Succeeded, error: null);
        TableEntity[] children = success.Children.Count == 0 ? [] : [.. success.Children.Select(child => child.ToRow(claim.Message.JobId))];
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.SucceedAsync(id, etag, attempt, success.Result, children, claim.UnwrittenProgress, token), JobState.Succeeded, CancellationToken.None);
        if (recorded is null)
            return await FencedAsync(claim, type, queue);

        kill.Pass(KillPoints.AfterOutcome);
        statistics.Ended(JobEvent.Succeeded, claim.Message, queue);
        LogSucceeded(id, type.Name, attempt.Number, (attempt.FinishedAt - attempt.StartedAt).TotalMilliseconds);
        await endings.AfterAsync(claim.Message, JobState.Succeeded, success.Children, CancellationToken.None);
        return Settlement.Completed;
    }

    private async Task<Settlement> FailAsync(Claim claim, JobType type, Queue queue, AttemptResult.Failed failure)
    {
        var attempt = Record(claim, failure.Outcome, JobError.From(failure.Class, failure.Exception));
        var policy = policies.Of(type, claim.Message.JobId, claim.Message.Tenant);
        var numberInRun = attempt.Number - claim.Message.EarlierAttempts;
        if (numberInRun >= policy.AttemptsFor(failure.Class))
            return await DeadLetterAsync(claim, type, queue, attempt, failure);

        var delay = failure.RetryAfter ?? policy.DelayAfter(claim.Message.JobId, numberInRun) * budget.Factor(type, policy);
        return await RetryAsync(claim, type, queue, attempt, delay);
    }

    private async Task<Settlement> RetryAsync(Claim claim, JobType type, Queue queue, AttemptRecord attempt, TimeSpan delay)
    {
        var notBefore = attempt.FinishedAt + delay;
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.RetryAsync(claim.Message.JobId, etag, attempt, notBefore, token), JobState.Retrying, CancellationToken.None);
        if (recorded is not { } receipt)
            return await FencedAsync(claim, type, queue);

        kill.Pass(KillPoints.AfterOutcome);
        statistics.Count(JobEvent.Retried, type.Name, queue, claim.Message.Tenant, JobMetrics.NameOf(attempt.Error!.Class));
        LogRetrying(claim.Message.JobId, type.Name, attempt.Number, attempt.Error!.Class, attempt.Error.Type, delay.TotalSeconds);
        if (claim.IsCancelRequested && await CancelRetryAsync(claim, type, queue, receipt) is { } cancelled)
            return cancelled;
        if (claim.Message.StrictKey is not null)
            return new Settlement.TryAgain(claim.Message with { Attempt = attempt.Number + 1, PutOffs = 0, ReceiptETag = receipt, EnqueuedAt = null }, notBefore);
        await queues.RetryAsync(queue, claim.Message, attempt.Number + 1, receipt, notBefore, CancellationToken.None);
        kill.Pass(KillPoints.AfterRetrySent);
        return Settlement.Completed;
    }

    private async Task<Settlement> DeadLetterAsync(Claim claim, JobType type, Queue queue, AttemptRecord attempt, AttemptResult.Failed failure)
    {
        var reason = failure.Exception is JsonException ? DeadLetterReason.Contract
            : failure.Class == ErrorClass.Permanent ? DeadLetterReason.Permanent
            : DeadLetterReason.AttemptsExhausted;
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.DeadLetterAsync(claim.Message.JobId, etag, attempt, reason, token), JobState.DeadLettered, CancellationToken.None);
        if (recorded is null)
            return await FencedAsync(claim, type, queue);

        kill.Pass(KillPoints.AfterOutcome);
        statistics.Ended(JobEvent.DeadLettered, claim.Message, queue, reason);
        LogDeadLettered(claim.Message.JobId, type.Name, attempt.Number, reason, attempt.Error!.Type);
        await endings.AfterAsync(claim.Message, JobState.DeadLettered, [], CancellationToken.None);
        return new Settlement.DeadLetter(reason, attempt.Error.Message);
    }

    private async Task<Settlement> CancelAsync(Claim claim, JobType type, Queue queue)
    {
        var attempt = Record(claim, AttemptOutcome.Cancelled, error: null);
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.CancelRunningAsync(claim.Message.JobId, etag, attempt, token), JobState.Cancelled, CancellationToken.None);
        if (recorded is null)
            return await FencedAsync(claim, type, queue);

        statistics.Ended(JobEvent.Cancelled, claim.Message, queue);
        LogCancelled(claim.Message.JobId, type.Name, attempt.Number);
        await endings.AfterAsync(claim.Message, JobState.Cancelled, [], CancellationToken.None);
        return Settlement.Completed;
    }

    /// <summary>Asked to stop only while its failure was being written: the attempt that would follow it is not wanted. Null when it went another way.</summary>
    private async Task<Settlement?> CancelRetryAsync(Claim claim, JobType type, Queue queue, ETag receipt)
    {
        if (await receipts.CancelAsync(claim.Message.JobId, receipt, clock.GetUtcNow(), new CancelRequest(), lost: null, CancellationToken.None) is null)
            return null;
        statistics.Ended(JobEvent.Cancelled, claim.Message, queue);
        LogCancelled(claim.Message.JobId, type.Name, claim.Attempt.Number);
        await endings.AfterAsync(claim.Message, JobState.Cancelled, [], CancellationToken.None);
        return Settlement.Completed;
    }

    private async Task<Settlement> ExpireAsync(JobMessage message, Queue queue, CancellationToken stopping)
    {
        switch (await expiry.ExpireAsync(message, queue, stopping))
        {
            case Claimed.Ended ended:
                LogExpired(message.JobId, message.Type, message.ExpiresAt!.Value);
                return await EndedBeforeAsync(message, ended.Receipt, stopping);
            case Claimed.NotOurs other:
                return other.Settlement;
            case var unexpected:
                throw new UnreachableException(unexpected.ToString());
        }
    }

    /// <summary>The instance stops: the receipt says that nobody runs the job, and its message stays first in its lane.</summary>
    private async Task<Settlement> HandBackAsync(Claim claim, JobType type, Queue queue)
    {
        if (!claim.IsHeld)
            return Settlement.HandedBack;
        var recorded = await claim.RecordAsync(
            (etag, token) => receipts.HandBackAsync(claim.Message.JobId, etag, token), JobState.Queued, CancellationToken.None);
        if (recorded is null)
            return await FencedAsync(claim, type, queue);

        LogHandedBack(claim.Message.JobId, type.Name, claim.Attempt.Number);
        return Settlement.HandedBack;
    }

    /// <summary>Somebody else has the job by now; what this attempt did is not recorded, and the receipt says what becomes of the message.</summary>
    private async Task<Settlement> FencedAsync(Claim claim, JobType type, Queue queue)
    {
        LogFenced(claim.Message.JobId, type.Name, claim.Attempt.Number);
        statistics.Fenced(claim.Message, queue);
        // The other owner may be one who had this very message before us and has lost its lock: then no other will come, whatever becomes of that
        // attempt. Delivered again, it finds out. A job that nobody claims would run again by that, so it is decided here.
        if (claim.IsHeld)
            return Settlement.HandedBack;
        return await claims.DecideAsync(claim.Message, type, queue, CancellationToken.None) switch
        {
            Claimed.Ended ended => await EndedBeforeAsync(claim.Message, ended.Receipt, CancellationToken.None),
            Claimed.NotOurs other => other.Settlement,
            _ => Settlement.HandedBack,
        };
    }

    /// <summary>The job ended before this message came: done again is only what may have been cut off between the end and the settlement.</summary>
    private async Task<Settlement> EndedBeforeAsync(JobMessage message, Receipt receipt, CancellationToken cancellation)
    {
        var children = receipt.Children == 0 ? [] : (await receipts.ReadChildrenAsync(receipt.Id, cancellation)).Select(ChildJob.Of).ToArray();
        await endings.AfterAsync(message, receipt.State, children, cancellation, receipt.FinishedAt);
        return receipt.State is JobState.DeadLettered or JobState.Expired
            ? new Settlement.DeadLetter(receipt.DeadLetterReason ?? DeadLetterReason.Poison, receipt.ErrorMessage ?? "")
            : Settlement.Completed;
    }

    private async Task<Settlement> AwaitNewerBuildAsync(JobMessage message, Queue queue, CancellationToken stopping)
    {
        // A newer build can make nothing of a job that is not there, has ended, or is another than the message says: it would be put off for ever.
        if (await receipts.FindAsync(message.JobId, stopping) is not { } receipt)
            return Poison(message.MessageId, $"There is no receipt of job {message.JobId}.");
        if (message.Replays < receipt.Replays)
            return Settlement.Completed;
        if (receipt.State.IsFinal())
            return await EndedBeforeAsync(message, receipt, stopping);
        if (receipt.Type != message.Type || receipt.Version != message.Version)
            return Poison(message.MessageId, $"Job {message.JobId} is of another type or version than its message says.");
        LogTooNew(message.JobId, message.Type, message.Version);
        await queues.PutOffAsync(queue, message with { PutOffBecause = $"This deployment does not serve version {message.Version} of '{message.Type}' yet" }, PutOffReason.NewerBuild, clock.GetUtcNow() + UntilNewerBuild, stopping);
        return Settlement.Completed;
    }

    /// <summary>Not now: nothing is burnt, a copy of the message comes later.</summary>
    private async Task<Settlement> PutOffAsync(JobMessage message, JobType type, Queue queue, PutOffReason reason, DateTimeOffset until, string why, CancellationToken stopping)
    {
        await queues.PutOffAsync(queue, message with { PutOffBecause = why }, reason, until, stopping);
        LogPutOff(message.JobId, type.Name, until, why);
        return Settlement.Completed;
    }

    /// <summary>
    /// A table or the broker failed beyond the SDK's own retries. A throw would bring the message back at once, ten times, and then kill it;
    /// so a copy comes later. If even that cannot be sent, the lane is let go and the broker hands the message out again.
    /// </summary>
    private async Task<Settlement> PutOffAfterAsync(Exception failure, JobMessage message, Queue queue, CancellationToken stopping)
    {
        LogStoreAway(failure, message.JobId, message.Type);
        if (Unreadable.Explains(failure) && message.PutOffs >= MostPutOffsUnreadable)
            return Poison(message.MessageId, $"What there is of job {message.JobId} cannot be read: {failure.Message}");
        try
        {
            await queues.PutOffAsync(queue, message with { PutOffBecause = "A store did not answer when its turn came" }, PutOffReason.StoreAway, clock.GetUtcNow() + UntilStoreIsBack, CancellationToken.None);
            return Settlement.Completed;
        }
        catch (Exception alsoAway)
        {
            LogStoreAway(alsoAway, message.JobId, message.Type);
            // It comes back at once, and it must not spin: in strict order it cannot even be put off while the tables are away.
            if (message.StrictKey is not null)
                await WaitForStoreAsync(stopping);
            return Settlement.HandedBack;
        }
    }

    private async Task WaitForStoreAsync(CancellationToken stopping)
    {
        try
        {
            await Task.Delay(UntilStoreIsBack, clock, stopping);
        }
        catch (OperationCanceledException)
        {
            // The instance stops, or the lane is lost: handed back at once.
        }
    }

    private Settlement.DeadLetter Poison(string messageId, string why)
    {
        LogPoison(messageId, why);
        return new Settlement.DeadLetter(DeadLetterReason.Poison, why);
    }

    /// <summary>A stop in the middle of a job that must not be started twice.</summary>
    private static AttemptResult.Failed HalfRun { get; } =
        new(AttemptOutcome.Failed, ErrorClass.Permanent, new OperationCanceledException("The instance stopped while the job ran, and it may not be started again."), RetryAfter: null);

    private AttemptRecord Record(Claim claim, AttemptOutcome outcome, JobError? error) =>
        new(claim.Attempt.Number, claim.Attempt.StartedAt, clock.GetUtcNow(), instance.Id, outcome, error);
}
