using Azure.Data.Tables;
using static Weir.Receipts.Receipt;

namespace Weir.Receipts;

/// <summary>How one attempt ended.</summary>
internal enum AttemptOutcome
{
    Succeeded,
    Failed,
    TimedOut,

    /// <summary>It reported nothing for the type's stall timeout.</summary>
    Stalled,

    /// <summary>Somebody asked for the job to be cancelled.</summary>
    Cancelled,

    /// <summary>The instance that ran it disappeared; nobody knows how far it came.</summary>
    WorkerLost,
}

/// <summary>The row "attempt-0001" beside a receipt: one execution, written together with the outcome that it led to.</summary>
internal sealed record AttemptRecord(int Number, DateTimeOffset StartedAt, DateTimeOffset FinishedAt, string Instance, AttemptOutcome Outcome, JobError? Error)
{
    public const string RowPrefix = "attempt-";

    /// <summary>When the next attempt is to come.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    public TableEntity ToRow(string jobId)
    {
        var row = new TableEntity(jobId, $"{RowPrefix}{Number:D4}")
        {
            [Column.Attempt] = Number,
            [Column.StartedAt] = StartedAt,
            [Column.FinishedAt] = FinishedAt,
            [Column.Owner] = Instance,
            [Column.Outcome] = Outcome.ToString(),
        };
        if (RetryAt is { } at)
            row[Column.NotBefore] = at;
        Error?.WriteTo(row);
        return row;
    }

    public static AttemptRecord Of(TableEntity row) => new(
        row.GetInt32(Column.Attempt) ?? 0,
        row.GetDateTimeOffset(Column.StartedAt) ?? default,
        row.GetDateTimeOffset(Column.FinishedAt) ?? default,
        row.GetString(Column.Owner) ?? "",
        Enum.Parse<AttemptOutcome>(row.GetString(Column.Outcome) ?? nameof(AttemptOutcome.Failed)),
        JobError.Of(row))
    {
        RetryAt = row.GetDateTimeOffset(Column.NotBefore),
    };
}
