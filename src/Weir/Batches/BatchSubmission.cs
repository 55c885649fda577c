using System.Buffers.Binary;
using System.Security.Cryptography;
using Azure.Data.Tables;
using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Execution;
using Weir.Pressure;
using Weir.Statistics;
using Weir.Submission;
using static Weir.Batches.Batch;

namespace Weir.Batches;

/// <summary>
/// Accepts a batch, some hundred items at a time as they are read: the batch's row → the items' receipts and messages, and why others are refused → accepted,
/// with how many there are. Only then is 202 answered. A crash before leaves a batch that is being accepted, whose items run; the same request under the same
/// key finds what there is, by the items' ids, and goes on.
/// </summary>
internal sealed partial class BatchSubmission(
    BatchTable table, BulkSubmission bulk, BatchCounter counter, BatchCompletion completion, PressureGate pressure, JobCatalog catalog, JobStatistics statistics, KillPoints kill, TimeProvider clock, Random chance, ILogger<BatchSubmission> logger)
{
    /// <summary>Items that are submitted together; what they hold in memory is bounded by their size too.</summary>
    private const int AtOnce = 500;
    private const int BytesAtOnce = 4 * 1024 * 1024;

    /// <summary>Bytes of a request to a shard, roughly 250 small items.</summary>
    private const int BytesPerShard = 16 * 1024;

    /// <summary>The most refusals that an answer lists; the rest is among the items.</summary>
    private const int MostListed = 20;

    public async Task<BatchAnswer> SubmitAsync(BatchRequest request, IAsyncEnumerable<BatchLine> lines, CancellationToken cancellation)
    {
        if (request.CompletionType is { } type && completion.Check(type, request.Tenant) is { } refused)
            return new BatchAnswer.CompletionRefused(refused);
        var now = clock.GetUtcNow();
        var id = request.Key is null ? JobId.New(now, chance) : JobId.FromKey(request.Tenant, "weir.batch", request.Key);
        if (request.Key is not null && await table.FindAsync(id, cancellation) is { AcceptedAt: null, RefusedCode: { } before })
            return new BatchAnswer.WasRefused(id, before);

        var taken = new Taken(id);
        try
        {
            return await TakeAsync(taken, request, lines, now, cancellation);
        }
        catch (BatchUnreadableException unreadable)
        {
            // It will be no other when it is sent again: what was begun of it is stopped.
            await RefuseAsync(taken, unreadable.Code);
            throw;
        }
        catch (Exception) when (request.Key is null)
        {
            // Nobody can complete it: there is no key to send it again under.
            await RefuseAsync(taken, "interrupted");
            throw;
        }
    }

    private async Task<BatchAnswer> TakeAsync(Taken taken, BatchRequest request, IAsyncEnumerable<BatchLine> lines, DateTimeOffset now, CancellationToken cancellation)
    {
        var some = new List<BatchLine>();
        var bytes = 0;
        await foreach (var line in lines.WithCancellation(cancellation))
        {
            taken.Add(line);
            some.Add(line);
            bytes += line.Bytes;
            if (some.Count < AtOnce && bytes < BytesAtOnce)
                continue;
            if (await SubmitSomeAsync(taken, request, some, now, cancellation) is { } wrong)
                return wrong;
            some.Clear();
            bytes = 0;
        }
        if (taken.Total == 0)
            throw new BatchUnreadableException("invalidRequest", "expected at least one item");
        if (some.Count > 0 && await SubmitSomeAsync(taken, request, some, now, cancellation) is { } last)
            return last;
        return await AcceptAsync(taken, cancellation);
    }

    /// <summary>Null when all of them are with the broker, or refused for good.</summary>
    private async Task<BatchAnswer?> SubmitSomeAsync(Taken taken, BatchRequest request, List<BatchLine> lines, DateTimeOffset now, CancellationToken cancellation)
    {
        if (taken.Batch is null && await AskAsync(taken, request, lines, cancellation) is { } full)
            return full;
        taken.Batch ??= await table.AddAsync(RowOf(taken.Id, request, now), cancellation);
        kill.Pass(KillPoints.AfterBatchRow);
        if (taken.Batch.AcceptedAt is not null)
            return null; // read to its end, to see whether this is the same request

        var refusals = lines.Select(line => line.Refusal).OfType<ItemRefusal>().ToList();
        var sound = lines.Where(line => line.Request is not null).ToArray();
        var answers = await bulk.SubmitAsync(
            [.. sound.Select(line => new BulkItem(line.Request! with { Batch = new BatchItem(taken.Id, line.Index) }, IdempotencyKey: null))], request.Tenant, cancellation);
        foreach (var (line, answer) in sound.Zip(answers))
        {
            switch (answer)
            {
                case Submitted.Refused { Refusal: Refusal.StoreUnavailable }:
                    throw new TimeoutException($"Item {line.Index} of batch {taken.Id} could not be accepted: a store did not answer.");
                case Submitted.Refused { Refusal: Refusal.IdempotencyKeyReused }:
                    return new BatchAnswer.KeyReused(taken.Id);
                case Submitted.Refused refused:
                    refusals.Add(ItemRefusal.Of(line.Index, refused));
                    break;
            }
        }
        await table.RefuseAsync(taken.Id, refusals, cancellation);
        await counter.CountAsync(taken.Id, [.. refusals.Select(refusal => new ItemEnd(refusal.Index, 0, ItemState.Refused))], cancellation);
        taken.Refused(refusals, MostListed);
        kill.Pass(KillPoints.AfterBatchItems);
        return null;
    }

    /// <summary>
    /// Asked once, before anything of the batch is written, for all its items: how many there are is told by the request's length and the first of them. Null when there is room,
    /// and for a batch that was begun before.
    /// </summary>
    private async Task<BatchAnswer?> AskAsync(Taken taken, BatchRequest request, List<BatchLine> lines, CancellationToken cancellation)
    {
        var read = lines.Sum(line => (long)line.Bytes);
        var scale = request.Bytes > read && read > 0 ? (double)request.Bytes.Value / read : 1;
        var sound = lines.Select(line => line.Request).OfType<SubmitRequest>().Select(item => (item.Type, Queue: item.Priority ?? catalog.Find(item.Type)?.Queue)).Where(item => item.Queue is not null).ToArray();
        var items = sound.GroupBy(item => item.Queue!.Value).Select(queue => (queue.Key, (int)Math.Min(Math.Round(queue.Count() * scale), Batch.MaxItems))).OrderBy(queue => queue.Key).ToArray();
        if (pressure.AskBatch(items) is not { } backoff || (request.Key is not null && await table.FindAsync(taken.Id, cancellation) is not null))
            return null;
        foreach (var (type, queue) in sound)
            statistics.Count(JobEvent.Refused, type, queue!.Value, request.Tenant, backoff.Code);
        return new BatchAnswer.NoRoom(backoff);
    }

    private async Task<BatchAnswer> AcceptAsync(Taken taken, CancellationToken cancellation)
    {
        var (hash, wasAccepted) = (taken.Hash(), taken.Batch!.AcceptedAt is not null);
        var now = clock.GetUtcNow();
        var batch = await table.ChangeAsync(taken.Id, current => current.AcceptedAt is not null ? null : new()
        {
            [Column.AcceptedAt] = now,
            [Column.Total] = taken.Total,
            [Column.Expected] = string.Join(',', taken.Expected(current)),
            [Column.ItemsHash] = hash,
        }, cancellation) ?? throw new InvalidDataException($"The row of batch {taken.Id} was there and is gone.");
        if (batch.ItemsHash != hash)
            return new BatchAnswer.KeyReused(taken.Id);

        kill.Pass(KillPoints.AfterBatchAccepted);
        // Those who wrote the last ends before this could not know that they were the last.
        var standing = await completion.FinishIfCompleteAsync(taken.Id, cancellation) ?? throw new InvalidDataException($"The row of batch {taken.Id} was there and is gone.");
        LogAccepted(taken.Id, taken.Total, standing.Of(ItemState.Refused));
        return new BatchAnswer.Accepted(standing, taken.Listed, Replayed: wasAccepted);
    }

    /// <summary>What has not begun is cancelled when its turn comes, what runs is asked to stop by the sweep. Best effort: it is as if the client had been cut off otherwise.</summary>
    private async Task RefuseAsync(Taken taken, string code)
    {
        if (taken.Batch is null)
            return;
        try
        {
            var now = clock.GetUtcNow();
            await table.ChangeAsync(taken.Id, current => current.AcceptedAt is not null ? null : new()
            {
                [Column.RefusedCode] = code,
                [Column.CancelledAt] = now,
                [Column.Begun] = taken.Total,
            }, CancellationToken.None);
            LogRefused(taken.Id, code, taken.Total);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotStopped(away, taken.Id);
        }
    }

    private static TableEntity RowOf(string id, BatchRequest request, DateTimeOffset now)
    {
        var row = new TableEntity(id, Row) { [Column.Tenant] = request.Tenant, [Column.CreatedAt] = now, [Column.Shards] = ShardsFor(request.Bytes) };
        if (request.Name is not null)
            row[Column.Name] = request.Name;
        if (request.CompletionType is not null)
            row[Column.CompletionType] = request.CompletionType;
        return row;
    }

    /// <summary>A power of two: fewer for a small batch, whose shards would have an item or two each.</summary>
    private static int ShardsFor(long? bytes)
    {
        var shards = 1;
        while (shards < MaxShards && (bytes is null || bytes > (long)shards * BytesPerShard))
            shards *= 2;
        return shards;
    }

    [LoggerMessage(502, LogLevel.Information, "Batch {BatchId} is accepted: {Total} items, {Refused} of them refused")]
    private partial void LogAccepted(string batchId, int total, int refused);

    [LoggerMessage(503, LogLevel.Warning, "Batch {BatchId} is refused ({Code}) after {Items} items; what was begun of it is cancelled")]
    private partial void LogRefused(string batchId, string code, int items);

    [LoggerMessage(504, LogLevel.Error, "The items of batch {BatchId}, which was not accepted, could not be stopped: a store did not answer")]
    private partial void LogNotStopped(Exception failure, string batchId);

    /// <summary>What has been read of a batch so far.</summary>
    private sealed class Taken(string id)
    {
        private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly List<ItemRefusal> listed = [];

        public string Id => id;

        public Batch? Batch { get; set; }

        public int Total { get; private set; }

        public IReadOnlyList<ItemRefusal> Listed => listed;

        public void Add(BatchLine line)
        {
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32BigEndian(length, line.Bytes);
            hash.AppendData(length);
            hash.AppendData(line.Text.Span);
            Total++;
        }

        public void Refused(IEnumerable<ItemRefusal> refusals, int most) => listed.AddRange(refusals.OrderBy(refusal => refusal.Index).Take(most - listed.Count));

        public string Hash() => Convert.ToHexStringLower(hash.GetCurrentHash());

        /// <summary>How many of the items each shard has.</summary>
        public int[] Expected(Batch batch)
        {
            var expected = new int[batch.Shards];
            for (var index = 0; index < Total; index++)
                expected[BatchItem.ShardOf(new BatchItem(id, index).JobIdIn(batch.Tenant), batch.Shards)]++;
            return expected;
        }
    }
}

/// <summary>A batch as it was asked for.</summary>
/// <param name="Key">The Idempotency-Key.</param>
/// <param name="Bytes">How long the request says it is.</param>
internal sealed record BatchRequest(string Tenant, string? Key, string? Name, string? CompletionType, long? Bytes);

/// <summary>One item as it was read: what it asks for, or why that is nothing.</summary>
/// <param name="Text">As it came; of one that is too long, its beginning.</param>
internal sealed record BatchLine(int Index, ReadOnlyMemory<byte> Text, SubmitRequest? Request, ItemRefusal? Refusal)
{
    public int Bytes => Text.Length;
}

/// <summary>The answer to a batch.</summary>
internal abstract record BatchAnswer
{
    private BatchAnswer() { }

    /// <param name="Refusals">The first of the items that were refused, as far as this request knows them.</param>
    public sealed record Accepted(BatchStanding Standing, IReadOnlyList<ItemRefusal> Refusals, bool Replayed) : BatchAnswer;

    public sealed record CompletionRefused(Submitted.Refused Refused) : BatchAnswer;

    /// <summary>Too much is there already; nothing of it was begun.</summary>
    public sealed record NoRoom(Backoff Backoff) : BatchAnswer;

    /// <summary>The key belongs to a batch of other items.</summary>
    public sealed record KeyReused(string BatchId) : BatchAnswer;

    /// <summary>The key belongs to a request that could not be read to its end.</summary>
    public sealed record WasRefused(string BatchId, string Code) : BatchAnswer;
}

/// <summary>The request cannot be read to its end: no item of it is to run.</summary>
internal sealed class BatchUnreadableException(string code, string message) : Exception(message)
{
    public string Code => code;
}
