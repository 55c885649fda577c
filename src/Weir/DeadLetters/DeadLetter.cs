using Azure.Data.Tables;
using Weir.Receipts;
using Weir.Retries;

namespace Weir.DeadLetters;

/// <summary>What an operator has made of a dead letter.</summary>
internal enum DeadLetterState
{
    Open,
    Replayed,
    Discarded,
}

/// <summary>
/// One entry of the catalogue: a job's death with everything that is needed to see why, or a message that is no job of ours. The payload and
/// each attempt lie beside the receipt.
/// </summary>
/// <param name="Id">The job's id; for a foreign message an id made from where it lay.</param>
internal sealed record DeadLetter(string Id, DateTimeOffset DiedAt, string Reason, string Fingerprint)
{
    /// <summary>No job of ours, or one without a receipt: it can be looked at and discarded, never replayed.</summary>
    public bool Foreign { get; init; }

    public string? Type { get; init; }

    public int? Version { get; init; }

    public string? Tenant { get; init; }

    public required Queue Queue { get; init; }

    public string? Lane { get; init; }

    public string? OrderingKey { get; init; }

    public string? CorrelationId { get; init; }

    /// <summary>Null for an end without an error, such as an expiry.</summary>
    public JobError? Error { get; init; }

    /// <summary>All of them, those of earlier runs included.</summary>
    public int Attempts { get; init; }

    /// <summary>Which run died: 0 is the first, n the n-th replay.</summary>
    public int Run { get; init; }

    public DateTimeOffset? SubmittedAt { get; init; }

    public string? TraceParent { get; init; }

    public string? MessageId { get; init; }

    public int PayloadBytes { get; init; }

    public string? PayloadHash { get; init; }

    /// <summary>The payload is not the one that was accepted, or was longer than could be kept: a replay needs a mended one.</summary>
    public bool PayloadDamaged { get; init; }

    public DeadLetterState State { get; init; }

    /// <summary>Who replayed or discarded it.</summary>
    public Handling? Handled { get; init; }

    public DeadLetterKey Key => DeadLetterKey.Of(DiedAt, Id);

    public bool IsReplayable => State == DeadLetterState.Open && !Foreign;

    /// <summary>The death of a job, from its final receipt and its attempts.</summary>
    public static DeadLetter Of(JobRecord job, string? messageId, string reason, bool payloadDamaged)
    {
        var receipt = job.Receipt;
        var error = receipt.ErrorType is { } type && Enum.TryParse<ErrorClass>(receipt.ErrorClass, out var errorClass)
            ? new JobError(errorClass, type, receipt.ErrorMessage ?? "", receipt.ErrorStack)
            : null;
        return new DeadLetter(receipt.Id, receipt.FinishedAt!.Value, reason, DeadLetters.Fingerprint.Of(receipt.Type, error?.Type ?? reason, error?.Message ?? "", error?.Stack))
        {
            Type = receipt.Type,
            Version = receipt.Version,
            Tenant = receipt.Tenant,
            Queue = receipt.Queue,
            Lane = receipt.Lane,
            OrderingKey = receipt.OrderingKey,
            CorrelationId = receipt.CorrelationId,
            Error = error,
            Attempts = job.Attempts.Count,
            Run = receipt.Replays,
            SubmittedAt = receipt.SubmittedAt,
            TraceParent = receipt.TraceParent,
            MessageId = messageId,
            PayloadBytes = receipt.PayloadBytes,
            PayloadHash = receipt.PayloadHash,
            PayloadDamaged = payloadDamaged,
        };
    }

    public TableEntity ToRow()
    {
        var row = new TableEntity(Key.Month, Key.Row)
        {
            [Column.Id] = Id,
            [Column.DiedAt] = DiedAt,
            [Column.Reason] = Reason,
            [Column.Fingerprint] = Fingerprint,
            [Column.Foreign] = Foreign,
            [Column.Queue] = Queue.ToString(),
            [Column.Attempts] = Attempts,
            [Column.Run] = Run,
            [Column.PayloadBytes] = PayloadBytes,
            [Column.PayloadDamaged] = PayloadDamaged,
            // Where to look for it, for whoever reads the table by hand.
            [Column.PayloadIn] = $"{ReceiptTable.Name}/{Id}/{Chunks.PayloadPrefix}",
        };
        Set(Column.Type, Type);
        Set(Column.Version, Version);
        Set(Column.Tenant, Tenant);
        Set(Column.Lane, Lane);
        Set(Column.OrderingKey, OrderingKey);
        Set(Column.CorrelationId, CorrelationId);
        Set(Column.SubmittedAt, SubmittedAt);
        Set(Column.TraceParent, TraceParent);
        Set(Column.MessageId, MessageId);
        Set(Column.PayloadHash, PayloadHash);
        Error?.WriteTo(row);
        return row;

        void Set(string column, object? value)
        {
            if (value is not null)
                row[column] = value;
        }
    }

    public static DeadLetter Of(TableEntity row) => new(
        row.GetString(Column.Id) ?? "", row.GetDateTimeOffset(Column.DiedAt) ?? default, row.GetString(Column.Reason) ?? "", row.GetString(Column.Fingerprint) ?? "")
    {
        Foreign = row.GetBoolean(Column.Foreign) ?? false,
        Type = row.GetString(Column.Type),
        Version = row.GetInt32(Column.Version),
        Tenant = row.GetString(Column.Tenant),
        Queue = Enum.TryParse<Queue>(row.GetString(Column.Queue), out var queue) ? queue : Queue.Default,
        Lane = row.GetString(Column.Lane),
        OrderingKey = row.GetString(Column.OrderingKey),
        CorrelationId = row.GetString(Column.CorrelationId),
        Error = JobError.Of(row),
        Attempts = row.GetInt32(Column.Attempts) ?? 0,
        Run = row.GetInt32(Column.Run) ?? 0,
        SubmittedAt = row.GetDateTimeOffset(Column.SubmittedAt),
        TraceParent = row.GetString(Column.TraceParent),
        MessageId = row.GetString(Column.MessageId),
        PayloadBytes = row.GetInt32(Column.PayloadBytes) ?? 0,
        PayloadHash = row.GetString(Column.PayloadHash),
        PayloadDamaged = row.GetBoolean(Column.PayloadDamaged) ?? false,
        State = Enum.TryParse<DeadLetterState>(row.GetString(Column.State), out var state) ? state : DeadLetterState.Open,
        Handled = row.GetDateTimeOffset(Column.HandledAt) is { } at ? new Handling(row.GetString(Column.HandledBy) ?? "", at, row.GetString(Column.HandledReason)) : null,
    };

    /// <summary>The names under which the entry's fields are stored; those of its error are the receipt's.</summary>
    internal static class Column
    {
        public const string Id = "Id";
        public const string DiedAt = "DiedAt";
        public const string Reason = "Reason";
        public const string Fingerprint = "Fingerprint";
        public const string Foreign = "Foreign";
        public const string Type = "Type";
        public const string Version = "Version";
        public const string Tenant = "Tenant";
        public const string Queue = "Queue";
        public const string Lane = "Lane";
        public const string OrderingKey = "OrderingKey";
        public const string CorrelationId = "CorrelationId";
        public const string Attempts = "Attempts";
        public const string Run = "Run";
        public const string SubmittedAt = "SubmittedAt";
        public const string TraceParent = "TraceParent";
        public const string MessageId = "MessageId";
        public const string PayloadIn = "PayloadIn";
        public const string PayloadBytes = "PayloadBytes";
        public const string PayloadHash = "PayloadHash";
        public const string PayloadDamaged = "PayloadDamaged";
        public const string State = "State";
        public const string HandledBy = "HandledBy";
        public const string HandledAt = "HandledAt";
        public const string HandledReason = "HandledReason";
    }
}
