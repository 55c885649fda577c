using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Uniqueness;

namespace Weir.Reconciliation;

/// <summary>
/// Brings a forgotten job on again. Whatever it lacks, the cure is one: its message once more, since a message finds by itself what is left to do, after the end too. First
/// the receipt is marked, by its ETag: of two instances that would send, one does, and the mark's time keeps the job from being found again at once. A crash
/// after the mark leaves a job that is found again, later.
/// </summary>
internal sealed partial class Repairs(
    JobCatalog catalog, ReceiptTable receipts, JobQueues queues, OrderedKeys orderedKeys, UniqueTable uniques, UniqueKeys uniqueKeys, DeadLetterTable catalogue, FindingTable findings, KillPoints kill, TimeProvider clock,
    ILogger<Repairs> logger)
{
    /// <returns>What was found; null when the job has a hold of its own, or somebody else has changed it meanwhile.</returns>
    public async Task<Finding?> RepairAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (receipt is { State: JobState.Held, WaitsForKey: false } && (receipt.StrictKey is null || await orderedKeys.IsParkedAsync(receipt, cancellation)))
            return null;
        if (receipt is { Unique: { } unique, Attempt: 0, Replays: 0 } && !receipt.State.IsFinal())
            return await PlaceAsync(receipt, unique, cancellation);
        // A message of a type that is not served here would be put off for ever, and this job has nothing left to run.
        if (receipt.State.IsFinal() && catalog.Find(receipt.Type) is null)
            return await FoundAsync(receipt, KindOf(receipt), FindingRepair.None, $"This deployment does not serve '{receipt.Type}': what follows the job's end cannot be done.", cancellation);

        return await ResendAsync(receipt, cancellation);
    }

    private async Task<Finding?> ResendAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (await receipts.MarkResendAsync(receipt.Id, receipt.ETag, receipt.Resends + 1, cancellation) is null)
            return null;
        kill.Pass(KillPoints.AfterResendMarked);

        var finding = await FoundAsync(receipt, KindOf(receipt), FindingRepair.Resent, Explain(receipt), cancellation);
        if (receipt is { State: JobState.Queued, DeadLetter: { } entry, LastReplay: { } replay })
            await catalogue.MarkAsync(entry, DeadLetterState.Replayed, replay, cancellation); // its replay may have been cut off before it said so
        await SendAsync(receipt, cancellation);
        kill.Pass(KillPoints.AfterResent);
        return finding;
    }

    private async Task SendAsync(Receipt receipt, CancellationToken cancellation)
    {
        // It names the receipt as it was before the mark, so the claim fails and the receipt is read: a dead owner's lease, a request to cancel and an end are all seen.
        var message = receipt.ToMessage(default) with { Attempt = AttemptOf(receipt), Resends = receipt.Resends + 1 };
        var notBefore = receipt.State is JobState.Scheduled or JobState.Retrying && receipt.NotBefore > clock.GetUtcNow() ? receipt.NotBefore : null;
        await queues.SendFirstAsync(receipt.Queue, message, notBefore, cancellation);
    }

    /// <summary>The next attempt's number; that of the last one, if it was handed back without being counted or has ended the job.</summary>
    private static int AttemptOf(Receipt receipt) => receipt.State switch
    {
        JobState.Queued when receipt.Attempt > receipt.EarlierAttempts => receipt.Attempt,
        var state when state.IsFinal() => Math.Max(receipt.EarlierAttempts + 1, receipt.Attempt), // it may have ended before any
        _ => receipt.Attempt + 1,
    };

    /// <summary>A unique job that has not begun: it runs only if its key names it.</summary>
    private async Task<Finding?> PlaceAsync(Receipt receipt, UniqueRequest unique, CancellationToken cancellation)
    {
        var id = UniqueTable.IdOf(receipt.Tenant, receipt.Type, unique.Key);
        var row = await uniques.FindAsync(id, cancellation);
        var holder = row is null || row.Holder == receipt.Id ? null : await receipts.FindAsync(row.Holder, cancellation);
        var holderLives = holder is not null && !holder.State.IsFinal();
        if (row?.Waiting == receipt.Id && holderLives && receipt.WaitsForKey)
            return null; // the holder's end sends it, and the holder is looked at for itself

        if (await receipts.MarkResendAsync(receipt.Id, receipt.ETag, receipt.Resends + 1, cancellation) is null)
            return null;
        kill.Pass(KillPoints.AfterResendMarked);
        if (row is not null && row.Holder != receipt.Id && row.Waiting != receipt.Id && (row.Waiting is not null || (holderLives && !receipt.WaitsForKey)))
        {
            // Others have the key: it was cut off before it was accepted, or before it was said that it is superseded.
            var by = row.Waiting ?? row.Holder;
            var superseded = await FoundAsync(receipt, FindingKind.UniqueKeyLost, FindingRepair.Superseded, $"Job {by} has its unique key.", cancellation);
            await uniqueKeys.CancelAsync([receipt.Id], by, cancellation);
            return superseded;
        }
        if (holderLives)
        {
            var waits = await FoundAsync(receipt, FindingKind.UniqueKeyLost, FindingRepair.Placed, $"It waits for job {row!.Holder}, whose key did not name it.", cancellation);
            await uniques.WriteAsync(row with { Waiting = receipt.Id }, cancellation);
            return waits;
        }

        var finding = await FoundAsync(receipt, row?.Holder == receipt.Id ? FindingKind.MessageMissing : FindingKind.UniqueKeyLost, FindingRepair.Resent, Explain(receipt), cancellation);
        var taken = row is null ? new UniqueRow(id, receipt.Id) : row with { Holder = receipt.Id, Waiting = row.Waiting == receipt.Id ? null : row.Waiting, FreeAt = null };
        // Not written: somebody else is at work on the key, and this job is found again if they do not help it.
        if ((row?.Holder == receipt.Id || await uniques.WriteAsync(taken, cancellation)) && await receipts.FindAsync(receipt.Id, cancellation) is { } current)
            await uniqueKeys.SendAsync(current, cancellation);
        kill.Pass(KillPoints.AfterResent);
        return finding;
    }

    private async Task<Finding> FoundAsync(Receipt receipt, FindingKind kind, FindingRepair repair, string detail, CancellationToken cancellation)
    {
        var finding = new Finding(kind, repair, receipt.Id, receipt.Type, receipt.Tenant, clock.GetUtcNow(), detail);
        await findings.AddAsync(finding, cancellation);
        kill.Pass(KillPoints.AfterFinding);
        LogFound(receipt.Id, receipt.Type, kind, repair, detail);
        return finding;
    }

    private static FindingKind KindOf(Receipt receipt) =>
        !receipt.State.IsFinal() ? FindingKind.MessageMissing : receipt.IsDead ? FindingKind.DeadLetterMissing : FindingKind.EndingCutOff;

    private static string Explain(Receipt receipt) =>
        $"It was {receipt.State.ToString().ToLowerInvariant()}, unchanged since {receipt.ChangedAt:O}, and no queue had a message of it."
        + (receipt.PayloadChunks == 0 && receipt.Payload.IsEmpty ? " Its payload is gone with the message: it becomes a dead letter, and needs a mended one." : "");

    [LoggerMessage(700, LogLevel.Warning, "Job {JobId} ({Type}) was found by the reconciler: {Kind}, {Repair}. {Detail}")]
    private partial void LogFound(string jobId, string type, FindingKind kind, FindingRepair repair, string detail);
}
