using Azure;
using Azure.Data.Tables;
using Weir.DeadLetters;
using Weir.Submission;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>What happens to a receipt after the job has died.</summary>
internal sealed partial class ReceiptTable
{
    /// <summary>The row that says where the catalogue has a message that is no job of ours. Its body lies beside it, as a job's payload would.</summary>
    private const string ForeignRow = "message";

    private const string PropertiesPrefix = "properties-";

    /// <summary>Keeps a payload that only a message carried so far. Doing it again writes the same rows.</summary>
    public Task KeepPayloadAsync(string jobId, ReadOnlyMemory<byte> payload, CancellationToken cancellation) =>
        table.SubmitTransactionAsync(Upserts(Chunks.Split(jobId, Chunks.PayloadPrefix, payload)), cancellation);

    /// <summary>Records that the broker, not Weir, has brought the job to its end.</summary>
    /// <param name="receipt">As it was read; changed only if nobody else has since.</param>
    /// <param name="lost">The attempt that was running and whose owner is gone; null when none was.</param>
    /// <param name="reason">One of <see cref="Execution.DeadLetterReason"/>.</param>
    /// <param name="error">What the broker said.</param>
    /// <param name="at">The time of death, from now on.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<ETag?> EndByBrokerAsync(Receipt receipt, AttemptRecord? lost, string reason, JobError error, DateTimeOffset at, CancellationToken cancellation)
    {
        var change = new TableEntity(receipt.Id, ReceiptRow)
        {
            [Column.State] = (receipt.State == JobState.Expired ? JobState.Expired : JobState.DeadLettered).ToString(),
            [Column.FinishedAt] = at,
            [Column.DeadLetterReason] = reason,
        };
        error.WriteTo(change);
        return lost is null ? MergeAsync(change, receipt.ETag, cancellation) : MergeWithAsync(change, receipt.ETag, [lost.ToRow(receipt.Id)], cancellation);
    }

    /// <summary>Records that the catalogue has the job's death, and that its payload lies beside this row.</summary>
    public Task<ETag?> CollectedAsync(Receipt receipt, DeadLetterKey entry, int payloadChunks, bool payloadDamaged, CancellationToken cancellation)
    {
        var change = new TableEntity(receipt.Id, ReceiptRow) { [Column.DeadLetter] = entry.ToString(), [Column.PayloadChunks] = payloadChunks };
        if (payloadDamaged)
            change[Column.PayloadDamaged] = true;
        return MergeAsync(change, receipt.ETag, cancellation);
    }

    /// <summary>Queues a dead job for one more run. Its message is still to be sent.</summary>
    /// <returns>The receipt as the run's message must name it; null when somebody else was first.</returns>
    public async Task<Receipt?> ReplayAsync(Receipt receipt, Handling how, MendedPayload? mended, CancellationToken cancellation)
    {
        if (mended is not null)
            await KeepEarlierPayloadAsync(receipt, cancellation);

        var next = receipt.ToReplay(how, mended);
        var replay = new Replay(receipt.Replays + 1, how, mended is not null, receipt.Attempt);
        var actions = new List<TableTransactionAction>
        {
            new(TableTransactionActionType.UpdateReplace, next, receipt.ETag),
            new(TableTransactionActionType.UpsertReplace, replay.ToRow(receipt.Id)),
        };
        if (mended is not null)
        {
            TableEntity[] rows = [.. Chunks.Split(receipt.Id, Chunks.PayloadPrefix, mended.Payload.Bytes)];
            actions.AddRange(Upserts(rows));
            // What is left of a longer payload would be read as the end of this one.
            var left = Enumerable.Range(rows.Length, Math.Max(0, receipt.PayloadChunks - rows.Length));
            actions.AddRange(left.Select(index => new TableTransactionAction(TableTransactionActionType.Delete, Chunks.Key(receipt.Id, Chunks.PayloadPrefix, index), ETag.All)));
        }
        try
        {
            var answers = await table.SubmitTransactionAsync(actions, cancellation);
            return Written(next, EtagOf(answers.Value[0]));
        }
        catch (TableTransactionFailedException changed) when (changed.Status == 412)
        {
            return null;
        }
    }

    /// <summary>Records that an operator has given a dead job up. It stays dead.</summary>
    public Task<ETag?> DiscardAsync(Receipt receipt, Handling how, CancellationToken cancellation) => MergeAsync(
        new TableEntity(receipt.Id, ReceiptRow) { [Column.DiscardedBy] = how.By, [Column.DiscardedAt] = how.At, [Column.DiscardReason] = how.Reason ?? "" },
        receipt.ETag, cancellation);

    /// <summary>The payload that the job had before its given replay mended it.</summary>
    public Task<byte[]> ReadPayloadBeforeAsync(string jobId, int replay, CancellationToken cancellation) => ReadChunksAsync(jobId, EarlierPrefix(replay), cancellation);

    /// <summary>Keeps a message that is no job of ours, whole. Doing it again writes the same rows.</summary>
    public Task KeepForeignAsync(string id, DeadLetterKey entry, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> properties, CancellationToken cancellation)
    {
        var rows = Chunks.Split(id, Chunks.PayloadPrefix, body)
            .Concat(Chunks.Split(id, PropertiesPrefix, properties))
            .Prepend(new TableEntity(id, ForeignRow) { [Column.DeadLetter] = entry.ToString() });
        return table.SubmitTransactionAsync(Upserts(rows), cancellation);
    }

    /// <summary>Where the catalogue has a message that is no job of ours; null when there is none of that id.</summary>
    public async Task<DeadLetterKey?> FindForeignAsync(string id, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(id, ForeignRow, cancellationToken: cancellation);
        return answer.HasValue && answer.Value!.GetString(Column.DeadLetter) is { } key ? DeadLetterKey.Parse(key) : null;
    }

    public Task<byte[]> ReadForeignPropertiesAsync(string id, CancellationToken cancellation) => ReadChunksAsync(id, PropertiesPrefix, cancellation);

    private async Task KeepEarlierPayloadAsync(Receipt receipt, CancellationToken cancellation)
    {
        var before = await ReadPayloadAsync(receipt.Id, cancellation);
        if (before.Length > 0)
            await table.SubmitTransactionAsync(Upserts(Chunks.Split(receipt.Id, EarlierPrefix(receipt.Replays + 1), before)), cancellation);
    }

    private async Task<byte[]> ReadChunksAsync(string partition, string prefix, CancellationToken cancellation)
    {
        var rows = new List<TableEntity>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {prefix} and RowKey lt {prefix + "~"}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
            rows.Add(row);
        return Chunks.Join(rows, prefix);
    }

    private static string EarlierPrefix(int replay) => $"before-replay-{replay:0000}-";

    private static IEnumerable<TableTransactionAction> Upserts(IEnumerable<TableEntity> rows) =>
        rows.Select(row => new TableTransactionAction(TableTransactionActionType.UpsertReplace, row));
}

/// <summary>A payload that an operator gives a dead job for its next run, checked against the contract of that version.</summary>
internal sealed record MendedPayload(Payload Payload, int Version);
