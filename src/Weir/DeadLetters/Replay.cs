using Azure.Data.Tables;
using static Weir.Receipts.Receipt;

namespace Weir.DeadLetters;

/// <summary>The row "replay-0001" beside a receipt: a further run that somebody asked for, written in one transaction with the receipt that it queues again.</summary>
/// <param name="Number">From 1.</param>
/// <param name="How">Who asked for it.</param>
/// <param name="Mended">It runs with another payload; the one before lies beside it.</param>
/// <param name="EarlierAttempts">How many attempts the job had had by then; those of this run count on from there.</param>
internal sealed record Replay(int Number, Handling How, bool Mended, int EarlierAttempts)
{
    public const string RowPrefix = "replay-";

    private const string MendedColumn = "Mended";

    public TableEntity ToRow(string jobId)
    {
        var row = new TableEntity(jobId, $"{RowPrefix}{Number:0000}")
        {
            [Column.Replays] = Number,
            [Column.ReplayedBy] = How.By,
            [Column.ReplayedAt] = How.At,
            [Column.EarlierAttempts] = EarlierAttempts,
            [MendedColumn] = Mended,
        };
        if (How.Reason is not null)
            row[Column.ReplayReason] = How.Reason;
        return row;
    }

    public static Replay Of(TableEntity row) => new(
        row.GetInt32(Column.Replays) ?? 0,
        new Handling(row.GetString(Column.ReplayedBy) ?? "", row.GetDateTimeOffset(Column.ReplayedAt) ?? default, row.GetString(Column.ReplayReason)),
        row.GetBoolean(MendedColumn) ?? false,
        row.GetInt32(Column.EarlierAttempts) ?? 0);
}
