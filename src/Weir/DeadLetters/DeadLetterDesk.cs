using System.Text.Json;
using Microsoft.Extensions.Logging;
using Weir.Batches;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;
using Weir.Telemetry;

namespace Weir.DeadLetters;

/// <summary>
/// What an operator can do with a dead letter. The receipt decides, by one conditional write, so that of any number of requests one is carried
/// out; the run's message is sent after it, and the catalogue's entry follows last. Asking again after a crash does what was cut off.
/// </summary>
internal sealed partial class DeadLetterDesk(
    DeadLetterTable catalogue, ReceiptTable receipts, JobQueues queues, OrderedKeys keys, JobCatalog types, BatchCounter batches, KillPoints kill, TimeProvider clock, ILogger<DeadLetterDesk> logger)
{
    /// <summary>The most that one request replays; its answer says where to go on.</summary>
    public const int MaxReplays = 1_000;

    private const int MaxConflicts = 5;
    private const int AtOnce = 16;
    private const int PageSize = 128;
    private const int MaxPages = 64;

    /// <summary>The load balancer cuts an answer off after 230 s, most proxies after 30 to 60.</summary>
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(20);

    /// <summary>The newest dead letter of a job, or a foreign message's, with everything beside it.</summary>
    public async Task<DeadLetterCase?> FindAsync(string id, CancellationToken cancellation)
    {
        var job = await receipts.ReadAsync(id, cancellation);
        var key = job is null ? await receipts.FindForeignAsync(id, cancellation) : job.Receipt.DeadLetter;
        if (key is not { } known || await catalogue.FindAsync(known, cancellation) is not { } entry)
            return null;

        var payload = await receipts.ReadPayloadAsync(id, cancellation);
        if (job is null)
            return new DeadLetterCase(entry, payload) { ForeignProperties = await receipts.ReadForeignPropertiesAsync(id, cancellation) };

        var before = new Dictionary<int, byte[]>();
        foreach (var replay in job.Replays.Where(replay => replay.Mended))
            before[replay.Number] = await receipts.ReadPayloadBeforeAsync(id, replay.Number, cancellation);
        return new DeadLetterCase(entry, payload) { Job = job, PayloadsBefore = before };
    }

    /// <summary>Runs a dead job once more.</summary>
    /// <param name="id">The job.</param>
    /// <param name="payload">Another payload for it; null for the one that it has.</param>
    /// <param name="how">Who asks for it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ReplayAnswer> ReplayAsync(string id, JsonElement? payload, Handling how, CancellationToken cancellation) =>
        ReplayAsync(id, payload, how, expected: null, cancellation);

    /// <summary>Runs a dead job once more if it is the given run of it that has died: 0 is the first.</summary>
    public Task<ReplayAnswer> ReplayRunAsync(string id, int run, Handling how, CancellationToken cancellation) =>
        ReplayAsync(id, payload: null, how, expected: null, cancellation, run);

    /// <summary>Replays what fits, newest death first, up to the bounds of one request.</summary>
    public async Task<ReplayCounts> ReplayManyAsync(DeadLetterFilter filter, DeadLetterCursor? from, int limit, bool dryRun, Handling how, CancellationToken cancellation)
    {
        var open = filter with { State = DeadLetterState.Open };
        var until = clock.GetUtcNow() + MaxTime;
        var counts = new ReplayCounts();
        for (var pages = 0; pages < MaxPages; pages++)
        {
            var scan = await catalogue.ScanAsync(open, from, Math.Min(PageSize, limit - counts.Matched), pages: 1, columns: null, cancellation);
            if (!dryRun)
                await ReplayAllAsync(scan.Found, how, counts, cancellation);
            counts.Matched += scan.Found.Count;
            counts.Next = from = scan.Next;
            if (from is null || counts.Matched >= limit || clock.GetUtcNow() >= until)
                break;
        }
        if (!dryRun)
            LogReplayedMany(counts.Replayed, counts.Matched, how.By);
        return counts;
    }

    /// <summary>Gives a dead letter up: it stays in the catalogue, and nothing replays it any more.</summary>
    public async Task<DiscardAnswer> DiscardAsync(string id, Handling how, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxConflicts; tries++)
        {
            if (await receipts.FindAsync(id, cancellation) is not { } receipt)
                return await DiscardForeignAsync(id, how, cancellation);
            if (!receipt.IsDead)
                return receipt.DeadLetter is null ? new DiscardAnswer.NotFound() : new DiscardAnswer.NotDead(receipt);
            if (!receipt.IsCollected)
                return new DiscardAnswer.NotCollected();

            if (receipt.Discarded is null && await receipts.DiscardAsync(receipt, how, cancellation) is null)
                continue;
            var discarded = receipt.Discarded ?? how;
            await catalogue.MarkAsync(receipt.DeadLetter!.Value, DeadLetterState.Discarded, discarded, cancellation);
            await keys.ReleaseAfterAsync(receipt, cancellation); // again whenever the discard is asked for again: a crash may have cut it off
            LogDiscarded(id, discarded.By);
            return new DiscardAnswer.Discarded();
        }
        throw Unsettled(id);
    }

    private async Task<ReplayAnswer> ReplayAsync(string id, JsonElement? payload, Handling how, DeadLetterKey? expected, CancellationToken cancellation, int? run = null)
    {
        for (var tries = 1; tries <= MaxConflicts; tries++)
        {
            if (await receipts.FindAsync(id, cancellation) is not { } receipt)
                return await receipts.FindForeignAsync(id, cancellation) is null ? new ReplayAnswer.NotFound() : new ReplayAnswer.NotReplayable("It is no job of ours: it can only be looked at and discarded.");
            if (expected is { } key && receipt.DeadLetter != key)
                return new ReplayAnswer.NotDead(receipt); // it was replayed and died again: that is another entry
            if (run is { } died && receipt.Replays != died && !receipt.IsReplayWaiting)
                return new ReplayAnswer.NotDead(receipt);
            if (receipt.IsReplayWaiting)
                return await SendAgainAsync(receipt, payload, cancellation);
            if (!receipt.IsDead)
                return await NotDeadAsync(receipt, cancellation);
            if (receipt.Discarded is not null)
                return new ReplayAnswer.Discarded(receipt);
            if (!receipt.IsCollected)
                return new ReplayAnswer.NotCollected();
            if (Check(receipt, payload, out var mended) is { } refused)
                return refused;

            if (await receipts.ReplayAsync(receipt, how, mended, cancellation) is { } queued)
            {
                using var span = Spans.Replay(queued);
                kill.Pass(KillPoints.AfterReplayRecorded);
                await SendAsync(queued, cancellation);
                LogReplayed(id, queued.Type, queued.Replays, mended is not null, how.By);
                return new ReplayAnswer.Queued(queued, Started: true);
            }
        }
        throw Unsettled(id);
    }

    /// <summary>Null when it can be run: by this build, and with this payload.</summary>
    private ReplayAnswer? Check(Receipt receipt, JsonElement? payload, out MendedPayload? mended)
    {
        mended = null;
        if (types.Find(receipt.Type) is not { } type)
            return new ReplayAnswer.NotReplayable($"This deployment does not serve '{receipt.Type}'.");
        if (payload is not { } json)
        {
            return receipt.PayloadDamaged ? new ReplayAnswer.NotReplayable("Its payload was damaged on its way: replay it with a mended one.")
                : receipt.Version > type.Version ? new ReplayAnswer.NotReplayable($"This deployment serves '{type.Name}' at version {type.Version}; the job has version {receipt.Version}.")
                : null;
        }

        var errors = type.Check(json);
        if (errors.Count > 0)
            return new ReplayAnswer.BrokenContract(type.Name, [.. errors.Select(error => error with { Pointer = "/payload" + error.Pointer })]);
        var content = Payload.Of(json);
        if (content.Bytes.Length > JobSubmission.MaxPayload)
            return new ReplayAnswer.TooLarge();
        mended = new MendedPayload(content, type.Version);
        return null;
    }

    /// <summary>Nobody can say whether the run's message was sent. Within its window the broker drops the second copy, after it the claim does.</summary>
    private async Task<ReplayAnswer> SendAgainAsync(Receipt receipt, JsonElement? payload, CancellationToken cancellation)
    {
        if (payload is { } json && Payload.Of(json).Hash != receipt.PayloadHash)
            return new ReplayAnswer.NotDead(receipt);
        await SendAsync(receipt, cancellation);
        return new ReplayAnswer.Queued(receipt, Started: false);
    }

    private async Task SendAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (receipt.Batch is { } item)
            await batches.BeginAgainAsync(item, receipt.Replays, cancellation); // before the run can end
        kill.Pass(KillPoints.AfterBatchRetried);
        // The payload lies beside the receipt, where the collector or the mended replay has put it.
        await queues.SendAsync(receipt.Queue, receipt.ToMessage(payload: default), cancellation);
        kill.Pass(KillPoints.AfterReplaySent);
        await MarkReplayedAsync(receipt, cancellation);
    }

    private async Task<ReplayAnswer> NotDeadAsync(Receipt receipt, CancellationToken cancellation)
    {
        await MarkReplayedAsync(receipt, cancellation); // the replay may have been cut off before it said so
        return new ReplayAnswer.NotDead(receipt);
    }

    private async Task MarkReplayedAsync(Receipt receipt, CancellationToken cancellation)
    {
        if (receipt is { DeadLetter: { } key, LastReplay: { } replay })
            await catalogue.MarkAsync(key, DeadLetterState.Replayed, replay, cancellation);
    }

    private async Task ReplayAllAsync(IReadOnlyList<DeadLetter> entries, Handling how, ReplayCounts counts, CancellationToken cancellation)
    {
        foreach (var some in entries.Chunk(AtOnce))
        {
            foreach (var one in await Task.WhenAll(some.Select(entry => ReplayOneOfManyAsync(entry, how, cancellation))))
                counts.Add(one);
        }
    }

    private async Task<ReplayedOne> ReplayOneOfManyAsync(DeadLetter entry, Handling how, CancellationToken cancellation)
    {
        try
        {
            return await ReplayAsync(entry.Id, payload: null, how, entry.Key, cancellation) switch
            {
                ReplayAnswer.Queued { Started: true } => new ReplayedOne(Replayed: true, Failure: null),
                ReplayAnswer.NotReplayable not => Failed("notReplayable", not.Why),
                _ => new ReplayedOne(Replayed: false, Failure: null),
            };
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogReplayFailed(away, entry.Id);
            return Failed("storeUnavailable", "A store behind the service did not answer; ask again.");
        }

        ReplayedOne Failed(string code, string detail) => new(Replayed: false, new FailedReplay(entry.Id, code, detail));
    }

    private async Task<DiscardAnswer> DiscardForeignAsync(string id, Handling how, CancellationToken cancellation)
    {
        if (await receipts.FindForeignAsync(id, cancellation) is not { } key || await catalogue.FindAsync(key, cancellation) is not { } entry)
            return new DiscardAnswer.NotFound();
        // Who was first stays on record; two at the very same time leave the later one.
        await catalogue.MarkAsync(key, DeadLetterState.Discarded, entry.Handled ?? how, cancellation);
        LogDiscarded(id, (entry.Handled ?? how).By);
        return new DiscardAnswer.Discarded();
    }

    private static TimeoutException Unsettled(string id) => new($"The receipt of job {id} changed {MaxConflicts} times while an operator's request was being carried out.");

    [LoggerMessage(1211, LogLevel.Information, "Job {JobId} ({Type}) is replayed for the {Replay}. time (mended: {Mended}), by {Operator}")]
    private partial void LogReplayed(string jobId, string type, int replay, bool mended, string @operator);

    [LoggerMessage(1212, LogLevel.Information, "{Replayed} of {Matched} dead letters are replayed, by {Operator}")]
    private partial void LogReplayedMany(int replayed, int matched, string @operator);

    [LoggerMessage(1213, LogLevel.Information, "The dead letter {Id} is discarded, by {Operator}")]
    private partial void LogDiscarded(string id, string @operator);

    [LoggerMessage(1214, LogLevel.Error, "Job {JobId} could not be replayed: a store did not answer")]
    private partial void LogReplayFailed(Exception failure, string jobId);
}
