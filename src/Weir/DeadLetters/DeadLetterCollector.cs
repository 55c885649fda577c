using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Retries;
using Weir.Statistics;
using Weir.Submission;
using Weir.Workflows;

namespace Weir.DeadLetters;

/// <summary>
/// Empties a dead-letter queue into the catalogue: payload beside the receipt → the end on the receipt, where the broker and not Weir brought it
/// → entry → what follows an end → the entry's key on the receipt → complete. A crash after any of these brings the message again, and each
/// step done again changes nothing.
/// </summary>
public sealed partial class DeadLetterCollector
{
    private const int MaxConflicts = 5;

    /// <summary>A dead-letter queue counts no deliveries, so what fails here would come again for ever: at once if it were abandoned, once a lock's time if it is left.</summary>
    private const int MaxTries = 6;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>What another instance's clock may be ahead of ours before we call its lease dead.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(1);

    private readonly ReceiptTable receipts;
    private readonly DeadLetterTable catalogue;
    private readonly JobEndings endings;
    private readonly Orchestrations orchestrations;
    private readonly KillPoints kill;
    private readonly JobStatistics statistics;
    private readonly TimeProvider clock;
    private readonly Random chance;
    private readonly ILogger<DeadLetterCollector> logger;

    internal DeadLetterCollector(
        ReceiptTable receipts, DeadLetterTable catalogue, JobEndings endings, Orchestrations orchestrations, KillPoints kill, JobStatistics statistics, TimeProvider clock, Random chance, ILogger<DeadLetterCollector> logger) =>
        (this.receipts, this.catalogue, this.endings, this.orchestrations, this.kill, this.statistics, this.clock, this.chance, this.logger) = (receipts, catalogue, endings, orchestrations, kill, statistics, clock, chance, logger);

    /// <summary>Puts one dead message on record. Throws nothing.</summary>
    /// <param name="message">Locked by the caller.</param>
    /// <param name="queue">The queue in which it died.</param>
    /// <param name="stopping">Fires when the instance has to stop, or the message's lock is lost.</param>
    /// <returns>True: complete it. False: leave it; it comes again when its lock ends.</returns>
    public async Task<bool> CollectAsync(ServiceBusReceivedMessage message, Queue queue, CancellationToken stopping)
    {
        try
        {
            for (var tries = 1; ; tries++)
            {
                try
                {
                    return await TryCollectAsync(message, queue, stopping);
                }
                catch (Exception failure) when (!stopping.IsCancellationRequested && tries < MaxTries)
                {
                    var pause = PauseAfter(tries);
                    LogPutOff(failure, message.MessageId, pause.TotalSeconds);
                    await Task.Delay(pause, clock, stopping);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception failure)
        {
            LogLeft(failure, message.MessageId);
            return false;
        }
    }

    private async Task<bool> TryCollectAsync(ServiceBusReceivedMessage message, Queue queue, CancellationToken cancellation)
    {
        if (JobMessage.Of(message) is not { } ours)
            return await KeepForeignAsync(message, queue, "It was not made by Weir.", cancellation);
        try
        {
            return await CollectJobAsync(message, ours, queue, cancellation);
        }
        catch (Exception unreadable) when (Unreadable.Explains(unreadable))
        {
            return await KeepForeignAsync(message, queue, $"The receipt of job {ours.JobId} cannot be read: {unreadable.Message}", cancellation);
        }
    }

    private async Task<bool> CollectJobAsync(ServiceBusReceivedMessage message, JobMessage ours, Queue queue, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxConflicts; tries++)
        {
            if (await receipts.ReadAsync(ours.JobId, cancellation) is not { } job)
                return await KeepForeignAsync(message, queue, $"There is no receipt of job {ours.JobId}.", cancellation);
            if (IsDoneWith(ours, job.Receipt))
                return true;
            if (job.Receipt.IsOrchestrated)
            {
                await orchestrations.StartAsync(ours.JobId, job.Receipt.Replays, cancellation); // in case that whoever was to start it never did
                return true;
            }
            // Somebody runs the job, by this message or another: its outcome decides, not this copy's death.
            if (job.Receipt.State == JobState.Running && job.Receipt.LeaseUntil + ClockSkew > clock.GetUtcNow())
                return false;
            if (await AdvanceAsync(message, ours, job, cancellation))
                return true;
        }
        throw new TimeoutException($"The receipt of job {ours.JobId} changed {MaxConflicts} times while its death was being collected.");
    }

    /// <summary>The job does not depend on this message: it ended well, another run of it began, this death is on record, or something else brings it on.</summary>
    private static bool IsDoneWith(JobMessage message, Receipt receipt) =>
        message.Replays < receipt.Replays || receipt.IsCollected
        || receipt.State is JobState.Succeeded or JobState.Cancelled or JobState.Compensated or JobState.Waiting or JobState.Compensating or JobState.Held;

    /// <returns>False when the receipt has changed, by us or by somebody else: read it again.</returns>
    private async Task<bool> AdvanceAsync(ServiceBusReceivedMessage message, JobMessage ours, JobRecord job, CancellationToken cancellation)
    {
        var receipt = job.Receipt;
        var (chunks, damaged) = await KeepPayloadAsync(ours, receipt, cancellation);
        kill.Pass(KillPoints.AfterKeptPayload);
        if (!receipt.IsDead || receipt.FinishedAt is null)
        {
            await EndAsync(message, receipt, cancellation);
            kill.Pass(KillPoints.AfterEndRecorded);
            return false;
        }

        return await PutOnRecordAsync(job, ours, message.MessageId, receipt.DeadLetterReason ?? ReasonOf(message), chunks, damaged, cancellation);
    }

    /// <summary>Puts the death of a job on record that had no message any more: its end is on its receipt, and its payload beside it. Done again it changes nothing.</summary>
    internal async Task CollectEndedAsync(JobRecord job, CancellationToken cancellation)
    {
        var receipt = job.Receipt;
        var damaged = Payload.HashOf(await receipts.ReadPayloadAsync(receipt.Id, cancellation)) != receipt.PayloadHash;
        if (!await PutOnRecordAsync(job, receipt.ToMessage(default), messageId: null, receipt.DeadLetterReason ?? DeadLetterReason.Poison, receipt.PayloadChunks, damaged, cancellation))
            throw new TimeoutException($"The receipt of job {receipt.Id} changed while its death was being collected.");
    }

    private async Task<bool> PutOnRecordAsync(JobRecord job, JobMessage ours, string? messageId, string reason, int chunks, bool damaged, CancellationToken cancellation)
    {
        var receipt = job.Receipt;
        if (receipt is { Replays: > 0, DeadLetter: { } before, LastReplay: { } replay })
            await catalogue.MarkAsync(before, DeadLetterState.Replayed, replay, cancellation); // its replay may have been cut off before it said so
        var entry = DeadLetter.Of(job, messageId, reason, damaged);
        await catalogue.AddAsync(entry, cancellation);
        kill.Pass(KillPoints.AfterCatalogueEntry);

        await endings.AfterAsync(ours, receipt.State, [], cancellation);
        if (await receipts.CollectedAsync(receipt, entry.Key, chunks, damaged, cancellation) is null)
            return false;
        kill.Pass(KillPoints.AfterCollected);
        LogCollected(receipt.Id, receipt.Type, entry.Reason, entry.Attempts, entry.Fingerprint);
        return true;
    }

    /// <summary>The message is about to go, so what only it carried is written beside the receipt.</summary>
    private async Task<(int Chunks, bool Damaged)> KeepPayloadAsync(JobMessage message, Receipt receipt, CancellationToken cancellation)
    {
        if (receipt.PayloadChunks > 0 || message.Body.IsEmpty)
        {
            var kept = await receipts.ReadPayloadAsync(receipt.Id, cancellation);
            return (receipt.PayloadChunks, Payload.HashOf(kept) != receipt.PayloadHash);
        }
        await receipts.KeepPayloadAsync(receipt.Id, message.Body, cancellation);
        return (Chunks.Count(message.Body.Length), Payload.HashOf(message.Body.Span) != receipt.PayloadHash);
    }

    /// <summary>No instance has written the job's end: the broker gave it up, or its message could not be read.</summary>
    private async Task EndAsync(ServiceBusReceivedMessage message, Receipt receipt, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        var reason = ReasonOf(message);
        var description = message.DeadLetterErrorDescription ?? "The broker gave no description.";
        var error = new JobError(ErrorClass.Unknown, message.DeadLetterReason ?? reason, description, Stack: null);
        AttemptRecord? lost = null;
        if (receipt.State == JobState.Running)
        {
            error = new JobError(ErrorClass.Transient, "WorkerLost", $"The instance {receipt.Owner} did not renew its lease, which ended at {receipt.LeaseUntil:O}. {description}", Stack: null);
            lost = new AttemptRecord(receipt.Attempt, receipt.StartedAt ?? receipt.SubmittedAt, now, receipt.Owner ?? "", AttemptOutcome.WorkerLost, error);
        }
        if (await receipts.EndByBrokerAsync(receipt, lost, reason, error, now, cancellation) is null)
            return;
        if (!receipt.IsDead)
            statistics.Ended(JobEvent.DeadLettered, receipt.ToMessage(default), receipt.Queue, reason);
        LogEndedByBroker(receipt.Id, receipt.Type, reason, message.DeliveryCount);
    }

    private async Task<bool> KeepForeignAsync(ServiceBusReceivedMessage message, Queue queue, string why, CancellationToken cancellation)
    {
        var foreign = ForeignMessage.Of(message, queue, why);
        await receipts.KeepForeignAsync(foreign.Entry.Id, foreign.Entry.Key, foreign.Body, foreign.Properties, cancellation);
        kill.Pass(KillPoints.AfterKeptPayload);
        await catalogue.AddAsync(foreign.Entry, cancellation);
        kill.Pass(KillPoints.AfterCatalogueEntry);
        LogForeign(message.MessageId, QueueNames.Of(queue), foreign.Entry.Id, why);
        return true;
    }

    private static string ReasonOf(ServiceBusReceivedMessage message) => message.DeadLetterReason switch
    {
        "MaxDeliveryCountExceeded" => DeadLetterReason.MaxDeliveries,
        "TTLExpiredException" => DeadLetterReason.Expired,
        { } ours when DeadLetterReason.All.Contains(ours) => ours,
        _ => DeadLetterReason.Poison,
    };

    /// <summary>Doubles up to the longest, less up to a half by chance: messages that failed together do not come back together.</summary>
    private TimeSpan PauseAfter(int tries)
    {
        var ceiling = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, tries - 1), LongestPause.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(ceiling * (0.5 + chance.NextDouble() / 2));
    }

    [LoggerMessage(1201, LogLevel.Information, "The death of job {JobId} ({Type}) is in the catalogue: {Reason} after {Attempts} attempts, fingerprint {Fingerprint}")]
    private partial void LogCollected(string jobId, string type, string reason, int attempts, string fingerprint);

    [LoggerMessage(1202, LogLevel.Error, "Job {JobId} ({Type}) was ended by the broker: {Reason} after {Deliveries} deliveries")]
    private partial void LogEndedByBroker(string jobId, string type, string reason, int deliveries);

    [LoggerMessage(1203, LogLevel.Error, "Message {MessageId} of {Queue} is no job that can be run; kept as dead letter {Id}. {Why}")]
    private partial void LogForeign(string? messageId, string queue, string id, string why);

    [LoggerMessage(1204, LogLevel.Warning, "The dead message {MessageId} could not be put on record; tried again in {Seconds:0.0} s")]
    private partial void LogPutOff(Exception failure, string? messageId, double seconds);

    [LoggerMessage(1205, LogLevel.Error, "The dead message {MessageId} could not be put on record and stays in the dead-letter queue until its lock ends")]
    private partial void LogLeft(Exception failure, string? messageId);
}
