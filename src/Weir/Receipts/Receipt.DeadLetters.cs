using Azure;
using Azure.Data.Tables;
using Weir.DeadLetters;

namespace Weir.Receipts;

/// <summary>What a receipt says of the job's deaths, and of what operators made of them.</summary>
internal sealed partial class Receipt
{
    /// <summary>What belongs to the run that ended: the next one begins without it. An expiry too, since whoever replays the job wants it run.</summary>
    private static readonly string[] OfOneRun =
    [
        Column.StartedAt, Column.FinishedAt, Column.NotBefore, Column.Owner, Column.LeaseUntil, Column.HeldPutOffs, Column.HeldAttempt, Column.ExpiresAt, Column.CancelRequestedAt, Column.Progress, Column.ProgressMessage,
        Column.ErrorClass, Column.ErrorType, Column.ErrorMessage, Column.ErrorStack, Column.DeadLetterReason, Column.PayloadDamaged, Column.Change,
        Column.Payload, // lies in rows of its own since the death was collected, and may be mended
    ];

    /// <summary>It ended in a way that an operator can answer with a replay.</summary>
    public bool IsDead => State is JobState.DeadLettered or JobState.Expired;

    /// <summary>Where the catalogue has its last death that was collected. It stays when the job is replayed.</summary>
    public DeadLetterKey? DeadLetter => row.GetString(Column.DeadLetter) is { } key ? DeadLetterKey.Parse(key) : null;

    /// <summary>Its death is in the catalogue, and everything that a replay needs lies beside this row.</summary>
    public bool IsCollected => IsDead && FinishedAt is { } at && DeadLetter == DeadLetterKey.Of(at, Id);

    /// <summary>The payload that could be kept is not the one that was accepted: its SHA-256 differs.</summary>
    public bool PayloadDamaged => row.GetBoolean(Column.PayloadDamaged) ?? false;

    /// <summary>The SHA-256 of the payload as it was submitted, whatever has been mended since: an Idempotency-Key is held to it.</summary>
    public string SubmittedHash => row.GetString(Column.SubmittedHash) ?? PayloadHash;

    public string? ErrorStack => row.GetString(Column.ErrorStack);

    /// <summary>How often it was replayed.</summary>
    public int Replays => row.GetInt32(Column.Replays) ?? 0;

    public Handling? LastReplay => HandlingOf(Column.ReplayedBy, Column.ReplayedAt, Column.ReplayReason);

    /// <summary>Who gave it up for good.</summary>
    public Handling? Discarded => HandlingOf(Column.DiscardedBy, Column.DiscardedAt, Column.DiscardReason);

    /// <summary>It was replayed, and no attempt has begun since: nobody can say whether that run's message was sent.</summary>
    public bool IsReplayWaiting => State == JobState.Queued && Replays > 0 && Attempt == EarlierAttempts;

    /// <summary>The whole row as the job's next run begins with it.</summary>
    /// <param name="how">Who asked for the run.</param>
    /// <param name="mended">Its payload; null for the one that the job has.</param>
    public TableEntity ToReplay(Handling how, MendedPayload? mended)
    {
        var next = new TableEntity(Id, ReceiptTable.ReceiptRow);
        foreach (var (name, value) in row)
        {
            // The service's own: keys, time stamp, and what the protocol adds.
            if (name is not ("PartitionKey" or "RowKey" or "Timestamp") && !name.StartsWith("odata.", StringComparison.Ordinal) && !OfOneRun.Contains(name))
                next[name] = value;
        }
        next[Column.State] = nameof(JobState.Queued);
        next[Column.EarlierAttempts] = Attempt;
        next[Column.Replays] = Replays + 1;
        next[Column.ReplayedBy] = how.By;
        next[Column.ReplayedAt] = how.At;
        next[Column.ReplayReason] = how.Reason ?? "";
        if (mended is not null)
        {
            next[Column.SubmittedHash] = SubmittedHash;
            next[Column.Version] = mended.Version;
            next[Column.PayloadHash] = mended.Payload.Hash;
            next[Column.PayloadBytes] = mended.Payload.Bytes.Length;
            next[Column.PayloadChunks] = Chunks.Count(mended.Payload.Bytes.Length);
        }
        return next;
    }

    /// <summary>A row that has just been written, as a receipt.</summary>
    public static Receipt Written(TableEntity row, ETag etag)
    {
        row.ETag = etag;
        return new Receipt(row);
    }

    private Handling? HandlingOf(string by, string at, string reason) =>
        row.GetDateTimeOffset(at) is { } time ? new Handling(row.GetString(by) ?? "", time, row.GetString(reason) is { Length: > 0 } why ? why : null) : null;

    internal static partial class Column
    {
        public const string DeadLetter = "DeadLetter";
        public const string PayloadDamaged = "PayloadDamaged";
        public const string SubmittedHash = "SubmittedHash";
        public const string Replays = "Replays";
        public const string ReplayedBy = "ReplayedBy";
        public const string ReplayedAt = "ReplayedAt";
        public const string ReplayReason = "ReplayReason";
        public const string DiscardedBy = "DiscardedBy";
        public const string DiscardedAt = "DiscardedAt";
        public const string DiscardReason = "DiscardReason";
    }
}
