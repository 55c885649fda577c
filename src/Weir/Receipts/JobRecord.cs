using Azure.Data.Tables;
using Weir.DeadLetters;

namespace Weir.Receipts;

/// <summary>A receipt with its attempts and its result: what a reader of one job sees.</summary>
internal sealed record JobRecord(Receipt Receipt, IReadOnlyList<AttemptRecord> Attempts, ReadOnlyMemory<byte> Result)
{
    /// <summary>The runs that operators asked for after the first, oldest first.</summary>
    public IReadOnlyList<Replay> Replays { get; init; } = [];

    public static JobRecord? Of(IReadOnlyList<TableEntity> rows)
    {
        if (rows.FirstOrDefault(row => row.RowKey == ReceiptTable.ReceiptRow) is not { } row)
            return null;

        var receipt = new Receipt(row);
        var attempts = rows.Where(one => one.RowKey.StartsWith(AttemptRecord.RowPrefix, StringComparison.Ordinal)).Select(AttemptRecord.Of);
        var result = receipt.ResultChunks > 0
            ? Chunks.Join(rows, Chunks.ResultPrefix)
            : System.Text.Encoding.UTF8.GetBytes(receipt.Result ?? "");
        var replays = rows.Where(one => one.RowKey.StartsWith(Replay.RowPrefix, StringComparison.Ordinal)).Select(Replay.Of);
        return new JobRecord(receipt, [.. attempts.OrderBy(attempt => attempt.Number)], result) { Replays = [.. replays.OrderBy(replay => replay.Number)] };
    }
}
