using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Weir.Execution;
using Weir.Receipts;

namespace Weir.Lanes;

/// <summary>
/// Keeps jobs of one ordering key in order (<see cref="Ordering.Strict"/>). While a key is free its jobs run as their lane brings them: one
/// read each. A job that cannot end now (it failed and comes again later, was put off, is a dead letter) stands in front as the head of its key, and holds no
/// worker; later jobs of the key are parked in the table as they come, and other keys of the lane go on. When the head ends, the one parked
/// longest becomes the head and its message is sent; when nobody is parked, the key is free.
/// <para>
/// All messages of a key come through one lane, which has one receiver, so its steps rarely meet. Where they do (a lost lock, an operator), every write
/// is conditional on the head as it was read. Each step leaves a message unsettled or a row that brings the key on after a crash.
/// </para>
/// </summary>
internal sealed partial class OrderedKeys(OrderingKeyTable table, ReceiptTable receipts, JobQueues queues, KillPoints kill, TimeProvider clock, ILogger<OrderedKeys> logger)
{
    private const int MaxTries = 8;

    /// <summary>
    /// How long a released job may be on its way before somebody who parks behind it sends its message again: more than a lane takes normally,
    /// and within the broker's window for duplicates (5 minutes), so that the second copy is dropped when the first was sent.
    /// </summary>
    private static readonly TimeSpan OnItsWay = TimeSpan.FromMinutes(1);

    /// <summary>The partition in which a key's order is kept. One for each queue: queues have lanes of their own, and no order between them.</summary>
    public static string KeyOf(string tenant, Queue queue, string orderingKey) =>
        $"{tenant}.{queue}.{(Plain().IsMatch(orderingKey) ? orderingKey : "~" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(orderingKey))))}";

    /// <summary>Asks whether it is the job's turn.</summary>
    /// <returns>The message to go on with; null when the job was parked, and its message is done with.</returns>
    public async Task<JobMessage?> TakeTurnAsync(JobMessage message, Queue queue, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var head = await table.FindHeadAsync(message.StrictKey!, cancellation);
            if (head is null)
                return message with { KeyWasFree = true };
            if (head.JobId == message.JobId)
                return message;
            if (await HasEndedAsync(head, cancellation))
                continue;

            if (await HoldAsync(message, cancellation) is not { } held)
                return message; // it is final, and what may be left to do after its end is the runner's
            kill.Pass(KillPoints.AfterHeld);
            if (!await table.ParkAsync(head, new ParkedJob(message.SequenceNumber, queue, held with { PutOffs = held.PutOffs + 1 }), cancellation))
                continue;
            kill.Pass(KillPoints.AfterParked);
            LogParked(message.JobId, message.Type, head.JobId, head.Why);
            return null;
        }
        throw new TimeoutException($"The ordering key of job {message.JobId} changed {MaxTries} times while the job was being parked.");
    }

    /// <summary>A workflow goes on without its message: until it ends it stands in front of its key.</summary>
    public async Task KeepTurnAsync(JobMessage message, CancellationToken cancellation)
    {
        if (message.StrictKey is { } key && !await table.BlockAsync(key, message.JobId, HeadReason.Running, cancellation))
            throw new InvalidOperationException($"Job {message.JobId} cannot begin, because it is another job's turn in its ordering key.");
    }

    /// <summary>After a job has ended: a dead letter goes on standing in front of its key, anything else lets the next one go. Done again it changes nothing.</summary>
    public async Task AfterAsync(JobMessage message, JobState state, CancellationToken cancellation)
    {
        if (message.StrictKey is not { } key)
            return;
        if (state == JobState.DeadLettered)
        {
            if (await table.BlockAsync(key, message.JobId, HeadReason.DeadLettered, cancellation))
                LogBlocked(message.JobId, message.Type);
        }
        else if (!message.KeyWasFree)
        {
            await ReleaseAsync(key, message.JobId, cancellation);
        }
    }

    /// <summary>
    /// The same for one who ends a job without its message: an operator who discards a dead letter. To be called before it is
    /// forgotten that this must be done: called again it goes on where a crash cut it off.
    /// </summary>
    public async Task ReleaseAfterAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (receipt.StrictKey is not { } key)
            return;
        // A late copy of the job's message would put the dead letter in front again; by this mark the next one that comes sees through it.
        if (receipt.State == JobState.DeadLettered)
            await receipts.MarkReleasedAsync(receipt.Id, receipt.Attempt, cancellation);
        await ReleaseAsync(key, receipt.Id, cancellation);
    }

    /// <summary>Behind which job a held one waits.</summary>
    public async Task<KeyHead?> HeadBeforeAsync(Receipt receipt, CancellationToken cancellation) =>
        receipt is { State: JobState.Held, StrictKey: { } key } && await table.FindHeadAsync(key, cancellation) is { } head && head.JobId != receipt.Id ? head : null;

    /// <summary>
    /// Whether a held job is still waited for: a head with a life of its own stands in front, and the job's row is behind it. A head that has ended is
    /// taken away by the way.
    /// </summary>
    public async Task<bool> IsParkedAsync(Receipt receipt, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await table.FindHeadAsync(receipt.StrictKey!, cancellation) is not { } head || head.JobId == receipt.Id)
                return false;
            if (!await HasEndedAsync(head, cancellation))
                return await table.HasParkedAsync(head.Key, receipt.Id, cancellation);
        }
        return true; // others are at work on this key
    }

    /// <summary>Writes on the receipt that the job waits, and returns the message that is to bring it later; null when the job has ended.</summary>
    private async Task<JobMessage?> HoldAsync(JobMessage message, CancellationToken cancellation)
    {
        if (await receipts.HoldAsync(message.JobId, message.ReceiptETag, cancellation) is { } held)
            return message with { ReceiptETag = held };

        for (var tries = 1; tries <= MaxTries; tries++)
        {
            // A message that came before, or a copy of it, or one whose job somebody has changed meanwhile.
            var receipt = await receipts.FindAsync(message.JobId, cancellation);
            if (receipt is null || receipt.State.IsFinal())
                return null;
            var attempt = receipt.State == JobState.Retrying ? receipt.Attempt + 1 : Math.Max(message.Attempt, receipt.Attempt);
            var etag = receipt.State is JobState.Held or JobState.Running ? receipt.ETag : await receipts.HoldAsync(message.JobId, receipt.ETag, cancellation);
            if (etag is { } current)
                return message with { ReceiptETag = current, Attempt = attempt };
        }
        throw new TimeoutException($"The receipt of job {message.JobId} changed {MaxTries} times while the job was being parked.");
    }

    /// <summary>
    /// Nothing waits for ever behind a head that has gone: whoever comes looks whether it still has a life of its own, and otherwise lets the
    /// next one go. True: look again who is the head.
    /// </summary>
    private async Task<bool> HasEndedAsync(KeyHead head, CancellationToken cancellation)
    {
        var receipt = await receipts.FindAsync(head.JobId, cancellation);
        // A discard that was cut off has said so on the receipt, which is enough.
        var waitsForOperator = receipt is { State: JobState.DeadLettered, Discarded: null } && receipt.ReleasedAttempt != receipt.Attempt;
        if (receipt is null || (receipt.State.IsFinal() && !waitsForOperator))
        {
            LogAbandoned(head.JobId, head.Why);
            await ReleaseAsync(head.Key, head.JobId, cancellation);
            return true;
        }
        if (head.Why == HeadReason.Releasing && receipt.State == JobState.Held && clock.GetUtcNow() - head.Since > OnItsWay)
            await SendAgainAsync(head, cancellation);
        return false;
    }

    private async Task ReleaseAsync(string key, string jobId, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var head = await table.FindHeadAsync(key, cancellation);
            if (head is null)
                return;
            if (head.JobId != jobId)
            {
                // The next one stands in front already. If that was all that was done before a crash, its message is still to be sent.
                if (head.Why == HeadReason.Releasing && head.After == jobId)
                    await SendAgainAsync(head, cancellation);
                return;
            }

            if (await table.FirstBehindAsync(head, cancellation) is not { } next)
            {
                if (await table.FreeAsync(head, cancellation))
                    return;
            }
            else if (await table.PromoteAsync(head, next, cancellation))
            {
                kill.Pass(KillPoints.AfterPromoted);
                await queues.SendAsync(next.Queue, next.Message, cancellation);
                kill.Pass(KillPoints.AfterReleaseSent);
                LogReleased(next.Message.JobId, next.Message.Type, jobId);
                return;
            }
        }
        throw new TimeoutException($"The ordering key of job {jobId} changed {MaxTries} times while the next job was being released.");
    }

    private async Task SendAgainAsync(KeyHead head, CancellationToken cancellation)
    {
        if (await table.FindParkedAsync(head, cancellation) is not { } parked)
            return;
        LogSentAgain(head.JobId);
        await queues.SendAsync(parked.Queue, parked.Message, cancellation);
    }

    /// <summary>Short enough and without what a table's key forbids, so that an operator can read it; any other key is hashed.</summary>
    // Not $, which lets a last line end pass, and Table storage does not.
    [GeneratedRegex(@"\A[A-Za-z0-9._:@-]{1,128}\z")]
    private static partial Regex Plain();

    [LoggerMessage(1300, LogLevel.Debug, "Job {JobId} ({Type}) is held behind job {HeadId} ({Why}) of its ordering key")]
    private partial void LogParked(string jobId, string type, string headId, HeadReason why);

    [LoggerMessage(1301, LogLevel.Warning, "Job {JobId} ({Type}) is a dead letter: later jobs of its ordering key are held until it is replayed or discarded")]
    private partial void LogBlocked(string jobId, string type);

    [LoggerMessage(1302, LogLevel.Debug, "Job {JobId} ({Type}) is released after job {EndedId} of its ordering key")]
    private partial void LogReleased(string jobId, string type, string endedId);

    [LoggerMessage(1303, LogLevel.Warning, "Job {JobId} stood in front of its ordering key ({Why}) though it had ended; the next one goes")]
    private partial void LogAbandoned(string jobId, HeadReason why);

    [LoggerMessage(1304, LogLevel.Information, "Job {JobId} had been released; its message is sent again")]
    private partial void LogSentAgain(string jobId);
}
