using Azure.Data.Tables;
using Weir.DeadLetters;
using Weir.Workflows;

namespace Weir.Receipts;

/// <summary>A receipt with its attempts and its result: what a reader of one job sees.</summary>
internal sealed record JobRecord(Receipt Receipt, IReadOnlyList<AttemptRecord> Attempts, ReadOnlyMemory<byte> Result)
{
    /// <summary>The runs that operators asked for after the first, oldest first.</summary>
    public IReadOnlyList<Replay> Replays { get; init; } = [];

    /// <summary>The steps of a workflow, in the order of its plan.</summary>
    public IReadOnlyList<StepView> Steps { get; init; } = [];

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
        var job = new JobRecord(receipt, [.. attempts.OrderBy(attempt => attempt.Number)], result) { Replays = [.. replays.OrderBy(replay => replay.Number)] };
        return job with { Steps = StepView.Of(job, rows) };
    }
}
