using Azure;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Statistics;
using Weir.Submission;

namespace Weir.Uniqueness;

/// <summary>
/// Accepts a job with a unique key: look who holds the key → receipt → the key's row, if nobody has written it since → message → the jobs whose
/// place it took are cancelled. A crash after the receipt leaves a job that was never accepted and that nobody points to; one after
/// the row leaves a holder that the next submission sends; one after the message leaves jobs to cancel, by name, in the row.
/// </summary>
internal sealed class UniqueSubmission(UniqueTable uniques, UniqueKeys keys, ReceiptTable receipts, JobQueues queues, KillPoints kill, JobStatistics statistics, TimeProvider clock, Random chance)
{
    /// <summary>Of so many that want one key at once, in each round one gets on: enough for a burst, and an end for a storm.</summary>
    private const int MaxTries = 200;

    /// <summary>The most superseded jobs that a row names: the newest, and those of two that were cut off before.</summary>
    private const int MaxSuperseded = 3;

    /// <param name="job">The job as it is to be accepted.</param>
    /// <param name="keyed">Whether its id comes from an Idempotency-Key: then the job may be there already, and counts before its unique key is asked.</param>
    /// <param name="gates">Asked whether there is room, when it comes to that; null is nobody.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<Submitted> SubmitAsync(NewJob job, bool keyed, SubmissionGates? gates, CancellationToken cancellation)
    {
        var unique = job.Request.Unique!;
        var id = UniqueTable.IdOf(job.Tenant, job.Type.Name, unique.Key);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (keyed && await receipts.FindInPlaceOfAsync(job.Id, job.SubmittedAt, cancellation) is { } before)
                return before.PayloadHash == job.Payload.Hash ? await RepeatAsync(before, cancellation) : Submitted.Refuse(Refusal.IdempotencyKeyReused, $"This Idempotency-Key belongs to job {job.Id}, which has another payload. Use a new key for a new request.");

            // Asked before anything is written, so that the many that find the key taken leave no trace.
            var found = await LookAsync(id, cancellation);
            var step = UniqueRule.Decide(unique.Mode, found.State);
            if (step is UniqueStep.GiveExisting or UniqueStep.Refuse)
                return await YieldAsync(step, found, unique, cancellation);
            if (gates is not null && await gates.AskAsync(job, cancellation) is { } full)
                return full;

            var state = step == UniqueStep.Wait ? JobState.Held : job.FirstState;
            if (await receipts.AddAsync(job.ToReceipt(state), job.Chunks, cancellation) is not { } etag)
            {
                keyed = true; // whoever was first, this request's key or an SDK's own retry, the job is there to be taken up
                continue;
            }

            kill.Pass(KillPoints.AfterReceipt);
            var own = new Own(job.Id, etag, state, job.Queue, job.NotBefore, job.Chunks.Count, Replayed: false);
            if (await AdmitAsync(own, id, job.Type.Name, unique, job.ToMessage, found, cancellation) is { } submitted)
                return submitted;
        }
        return Contended(unique);
    }

    /// <summary>The same request under the same Idempotency-Key: takes up whatever an interrupted try left.</summary>
    public async Task<Submitted> RepeatAsync(Receipt existing, CancellationToken cancellation)
    {
        var unique = existing.Unique!;
        receipts.IndexAgain(existing);
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (existing is not { Attempt: 0, State: JobState.Queued or JobState.Scheduled or JobState.Held } || (existing.State == JobState.Held && !existing.WaitsForKey))
                return new Submitted.Accepted(existing.Id, existing.Type, existing.State, Replayed: true);

            // Written as it is: whoever else wanted to take this receipt back, as that of a job which was never accepted, must look again.
            if (await receipts.PlaceAsync(existing.Id, existing.ETag, existing.State, cancellation) is { } etag)
            {
                var own = new Own(existing.Id, etag, existing.State, existing.Queue, existing.NotBefore, existing.PayloadChunks, Replayed: true);
                var message = existing.ToMessage(default);
                var id = UniqueTable.IdOf(existing.Tenant, existing.Type, unique.Key);
                if (await AdmitAsync(own, id, existing.Type, unique, current => message with { ReceiptETag = current }, known: null, cancellation) is { } submitted)
                    return submitted;
            }
            await PauseAsync(cancellation);
            if (await receipts.FindAsync(existing.Id, cancellation) is not { } now)
                return Contended(unique);
            existing = now;
        }
        return Contended(unique);
    }

    /// <summary>The receipt is there: now the key's row, and what follows from it. Null: another request under the same Idempotency-Key has changed the receipt.</summary>
    private async Task<Submitted?> AdmitAsync(Own own, string id, string type, UniqueRequest unique, Func<ETag, JobMessage> message, Found? known, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            // What was seen before the receipt was inserted is good enough to try with: the row is written only if it is still so.
            var found = tries == 1 && known is not null ? known : await LookAsync(id, cancellation);
            var step = found.Row?.Holder == own.Id ? UniqueStep.Take : UniqueRule.Decide(unique.Mode, found.State);
            if (step is UniqueStep.GiveExisting or UniqueStep.Refuse)
            {
                return await receipts.WithdrawAsync(own.Id, own.ETag, own.Chunks, cancellation) ? await YieldAsync(step, found, unique, cancellation) : null;
            }

            // A waiting job says so before the row names it: from then on the holder's end sends it.
            if (step == UniqueStep.Wait && own.State != JobState.Held)
            {
                if (await receipts.PlaceAsync(own.Id, own.ETag, JobState.Held, cancellation) is not { } held)
                    return null;
                own = own with { ETag = held, State = JobState.Held };
            }
            var row = RowAfter(step, own.Id, id, found.Row);
            if (!await uniques.WriteAsync(row, cancellation))
            {
                await PauseAsync(cancellation);
                continue;
            }

            kill.Pass(KillPoints.AfterUnique);
            if (step == UniqueStep.Wait)
                await SendIfNotBegunAsync(found, cancellation);
            else
                own = await SendAsync(own, message, cancellation);
            kill.Pass(KillPoints.AfterSend);
            await keys.CancelAsync(row.Superseded, own.Id, cancellation);
            if (!own.Replayed)
                statistics.Count(JobEvent.Submitted, type, own.Queue, message(own.ETag).Tenant);
            return new Submitted.Accepted(own.Id, type, own.State, own.Replayed);
        }
        await receipts.WithdrawAsync(own.Id, own.ETag, own.Chunks, cancellation);
        return Contended(unique);
    }

    private static UniqueRow RowAfter(UniqueStep step, string own, string id, UniqueRow? row)
    {
        var replaced = step switch
        {
            UniqueStep.Replace => row?.Holder,
            UniqueStep.Wait when row?.Waiting != own => row?.Waiting,
            _ => null,
        };
        string[] superseded = [.. (replaced is null ? [] : new[] { replaced }).Concat(row?.Superseded ?? []).Where(one => one != own).Take(MaxSuperseded)];
        return step == UniqueStep.Wait
            ? row! with { Waiting = own, Superseded = superseded }
            : new UniqueRow(id, own) { Waiting = row?.Waiting == own ? null : row?.Waiting, Superseded = superseded, ETag = row?.ETag };
    }

    /// <summary>Sends the new holder's message.</summary>
    private async Task<Own> SendAsync(Own own, Func<ETag, JobMessage> message, CancellationToken cancellation)
    {
        var notBefore = own.NotBefore > clock.GetUtcNow() ? own.NotBefore : null;
        if (own.State == JobState.Held)
        {
            var state = notBefore is null ? JobState.Queued : JobState.Scheduled;
            if (await receipts.PlaceAsync(own.Id, own.ETag, state, cancellation) is not { } placed)
                return await SendAsItIsAsync(own, cancellation);
            own = own with { ETag = placed, State = state };
        }
        await queues.SendFirstAsync(own.Queue, message(own.ETag), notBefore, cancellation);
        return own;
    }

    /// <summary>Somebody else has taken the job on meanwhile, and may have been cut off before they sent it.</summary>
    private async Task<Own> SendAsItIsAsync(Own own, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(own.Id, cancellation) is not { } now)
            return own;
        await keys.SendAsync(now, cancellation);
        return own with { State = now.State };
    }

    /// <summary>Who holds the key. A job that waits for a holder that has ended is made the holder first.</summary>
    private async Task<Found> LookAsync(string id, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            if (await uniques.FindAsync(id, cancellation) is not { } row)
                return new Found(null, null, HolderState.None);

            var holder = await receipts.FindAsync(row.Holder, cancellation);
            if (holder is not null && !holder.State.IsFinal())
                return new Found(row, holder, IsBegun(holder) ? HolderState.Begun : HolderState.NotBegun);
            if (row.Waiting is null)
                return new Found(row, holder, holder?.FinishedAt + holder?.Unique?.For > clock.GetUtcNow() ? HolderState.Ended : HolderState.None);
            await keys.HandOnAsync(row, cancellation);
        }
        throw new TimeoutException($"The unique key {id} changed {MaxTries} times while it was looked at.");
    }

    private static bool IsBegun(Receipt holder) => holder.Attempt > 0 || holder.State is not (JobState.Scheduled or JobState.Queued or JobState.Held);

    /// <summary>The key is taken: the answer names the holder, and its message is sent once more if nobody can say that it was.</summary>
    private async Task<Submitted> YieldAsync(UniqueStep step, Found found, UniqueRequest unique, CancellationToken cancellation)
    {
        await SendIfNotBegunAsync(found, cancellation);
        var holder = found.Holder!;
        return step == UniqueStep.GiveExisting
            ? new Submitted.Accepted(holder.Id, holder.Type, holder.State, Replayed: false) { Existing = true }
            : Submitted.Refuse(Refusal.NotUnique, $"Job {holder.Id} ({holder.State.ToString().ToLowerInvariant()}) holds the unique key '{unique.Key}' of '{holder.Type}'.") with { JobId = holder.Id };
    }

    private Task SendIfNotBegunAsync(Found found, CancellationToken cancellation) =>
        found is { State: HolderState.NotBegun, Holder: { } holder } ? keys.SendAsync(holder, cancellation) : Task.CompletedTask;

    /// <summary>Of those that meet at a row one has written it; the others do not come back all at the same moment.</summary>
    private Task PauseAsync(CancellationToken cancellation) => Task.Delay(TimeSpan.FromMilliseconds(chance.Next(1, 20)), clock, cancellation);

    private static Submitted.Refused Contended(UniqueRequest unique) =>
        Submitted.Refuse(Refusal.Contended, $"Too many submissions want the unique key '{unique.Key}' at this moment.");

    /// <summary>The receipt that we have inserted or taken up, as we know it.</summary>
    private sealed record Own(string Id, ETag ETag, JobState State, Queue Queue, DateTimeOffset? NotBefore, int Chunks, bool Replayed);

    private sealed record Found(UniqueRow? Row, Receipt? Holder, HolderState State);
}
