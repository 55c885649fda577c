using Azure;
using Azure.Data.Tables;
using Weir.Batches;
using Weir.Lanes;
using Weir.Schedules;
using Weir.Uniqueness;

namespace Weir.Receipts;

/// <summary>
/// The durable record of a job and of its outcome: the row (job id, "job") of the table Receipts. The only truth about a
/// job; a message is merely what wakes it. Reads lazily from the entity it came as.
/// </summary>
internal sealed partial class Receipt(TableEntity row)
{
    public string Id => row.PartitionKey;

    public ETag ETag => row.ETag;

    public string Type => Text(Column.Type);

    public int Version => row.GetInt32(Column.Version) ?? 1;

    public string Tenant => Text(Column.Tenant);

    public Queue Queue => Enum.Parse<Queue>(Text(Column.Queue));

    public string Lane => Text(Column.Lane);

    public string? OrderingKey => row.GetString(Column.OrderingKey);

    /// <summary>Where the order of its key is kept, when it runs in strict order.</summary>
    public string? StrictKey => row.GetString(Column.StrictKey);

    /// <summary>The attempt as which it died before its ordering key was released by hand.</summary>
    public int? ReleasedAttempt => row.GetInt32(Column.ReleasedAttempt);

    public string? CorrelationId => row.GetString(Column.CorrelationId);

    public JobState State => Enum.Parse<JobState>(Text(Column.State));

    /// <summary>The number of the newest attempt that was begun; 0 before the first.</summary>
    public int Attempt => row.GetInt32(Column.Attempt) ?? 0;

    public string PayloadHash => Text(Column.PayloadHash);

    public int PayloadBytes => row.GetInt32(Column.PayloadBytes) ?? 0;

    /// <summary>How many rows beside this one hold the payload; 0 when the message carries it.</summary>
    public int PayloadChunks => row.GetInt32(Column.PayloadChunks) ?? 0;

    /// <summary>The payload, when it is small enough to lie here: so that whoever finds a job without a message can send another.</summary>
    public ReadOnlyMemory<byte> Payload => row.GetBinary(Column.Payload);

    /// <summary>When the row was last written, by the clock of the tables.</summary>
    public DateTimeOffset ChangedAt => row.Timestamp ?? default;

    /// <summary>How often its message was found missing and sent again.</summary>
    public int Resends => row.GetInt32(Column.Resends) ?? 0;

    public DateTimeOffset SubmittedAt => row.GetDateTimeOffset(Column.SubmittedAt) ?? default;

    public DateTimeOffset? StartedAt => row.GetDateTimeOffset(Column.StartedAt);

    public DateTimeOffset? FinishedAt => row.GetDateTimeOffset(Column.FinishedAt);

    /// <summary>When the next attempt may begin: the first, while the job is scheduled; another, while it is retrying.</summary>
    public DateTimeOffset? NotBefore => row.GetDateTimeOffset(Column.NotBefore);

    /// <summary>The instance that runs the attempt, or ran the last.</summary>
    public string? Owner => row.GetString(Column.Owner);

    public DateTimeOffset LeaseUntil => row.GetDateTimeOffset(Column.LeaseUntil) ?? default;

    public string? TraceParent => row.GetString(Column.TraceParent);

    /// <summary>The result as JSON, when it is small enough to lie here.</summary>
    public string? Result => row.GetString(Column.Result);

    /// <summary>How many rows beside this one hold the result.</summary>
    public int ResultChunks => row.GetInt32(Column.ResultChunks) ?? 0;

    /// <summary>How far it says it is, 0 to 1.</summary>
    public double? Progress => row.GetDouble(Column.Progress);

    public string? ProgressMessage => row.GetString(Column.ProgressMessage) is { Length: > 0 } text ? text : null;

    /// <summary>When somebody asked for the running job to be cancelled. What was asked of an earlier run says nothing about a replay.</summary>
    public DateTimeOffset? CancelRequestedAt => row.GetInt32(Column.CancelRequestedIn) > EarlierAttempts ? row.GetDateTimeOffset(Column.CancelRequestedAt) : null;

    public string? CancelReason => row.GetString(Column.CancelReason);

    public string? CancelledBy => row.GetString(Column.CancelledBy);

    /// <summary>The job that took this one's place under their unique key.</summary>
    public string? SupersededBy => row.GetString(Column.SupersededBy);

    public UniqueRequest? Unique => UniqueRequest.Of(row);

    /// <summary>It waits for the holder of its unique key to end; nothing else than that end sends its message.</summary>
    public bool WaitsForKey => State == JobState.Held && row.GetBoolean(Column.WaitsForKey) == true;

    /// <summary>The occurrence of a schedule that it is.</summary>
    public ScheduledOccurrence? Occurrence => ScheduledOccurrence.Of(row);

    public Follows Follows => (Follows)(row.GetInt32(Column.Follows) ?? 0);

    /// <summary>After this it is not worth running.</summary>
    public DateTimeOffset? ExpiresAt => row.GetDateTimeOffset(Column.ExpiresAt);

    /// <summary>How many child jobs it enqueued by succeeding.</summary>
    public int Children => row.GetInt32(Column.Children) ?? 0;

    /// <summary>The workflow that waits for this job.</summary>
    public string? ParentId => row.GetString(Column.ParentId);

    public string? ErrorClass => row.GetString(Column.ErrorClass);

    public string? ErrorType => row.GetString(Column.ErrorType);

    public string? ErrorMessage => row.GetString(Column.ErrorMessage);

    public string? DeadLetterReason => row.GetString(Column.DeadLetterReason);

    /// <summary>Who is told of the end by a webhook.</summary>
    public string? CallbackUrl => row.GetString(Column.CallbackUrl);

    /// <summary>The item of a batch that it is.</summary>
    public BatchItem? Batch => BatchItem.Parse(row.GetString(Column.Batch));

    /// <summary>How many attempts belong to runs before the last replay.</summary>
    public int EarlierAttempts => row.GetInt32(Column.EarlierAttempts) ?? 0;

    /// <summary>The message that asks for the job's next attempt.</summary>
    /// <param name="payload">The payload; it stays where it is when it lies beside the receipt.</param>
    public JobMessage ToMessage(ReadOnlyMemory<byte> payload) => new(Id, Type, Tenant, Lane, ETag, PayloadHash, PayloadChunks > 0 ? default : payload.IsEmpty ? Payload : payload)
    {
        Version = Version,
        Attempt = Attempt + 1,
        Resends = Resends,
        EarlierAttempts = EarlierAttempts,
        Replays = Replays,
        OrderingKey = OrderingKey,
        StrictKey = StrictKey,
        ExpiresAt = ExpiresAt,
        SubmittedAt = SubmittedAt,
        Follows = Follows,
        Batch = Batch,
        TraceParent = TraceParent,
    };

    private string Text(string column) =>
        row.GetString(column) ?? throw new InvalidDataException($"The receipt of job {Id} has no {column}: it was not written by Weir, or damaged.");

    /// <summary>The names under which the receipt's fields are stored.</summary>
    internal static partial class Column
    {
        public const string Type = "Type";
        public const string Version = "Version";
        public const string Tenant = "Tenant";
        public const string Queue = "Queue";
        public const string Lane = "Lane";
        public const string OrderingKey = "OrderingKey";
        public const string StrictKey = "StrictKey";
        public const string ReleasedAttempt = "ReleasedAttempt";
        public const string CorrelationId = "CorrelationId";
        public const string State = "State";
        public const string Attempt = "Attempt";
        public const string PayloadHash = "PayloadHash";
        public const string PayloadBytes = "PayloadBytes";
        public const string PayloadChunks = "PayloadChunks";
        public const string Payload = "Payload";
        public const string Resends = "Resends";
        public const string SubmittedAt = "SubmittedAt";
        public const string StartedAt = "StartedAt";
        public const string FinishedAt = "FinishedAt";
        public const string NotBefore = "NotBefore";
        public const string Owner = "Owner";
        public const string LeaseUntil = "LeaseUntil";
        public const string TraceParent = "TraceParent";
        public const string Result = "Result";
        public const string ResultChunks = "ResultChunks";
        public const string ErrorClass = "ErrorClass";
        public const string ErrorType = "ErrorType";
        public const string ErrorMessage = "ErrorMessage";
        public const string ErrorStack = "ErrorStack";
        public const string DeadLetterReason = "DeadLetterReason";
        public const string Progress = "Progress";
        public const string ProgressMessage = "ProgressMessage";
        public const string CancelRequestedAt = "CancelRequestedAt";
        public const string CancelRequestedIn = "CancelRequestedIn";
        public const string CancelReason = "CancelReason";
        public const string CancelledBy = "CancelledBy";
        public const string SupersededBy = "SupersededBy";
        public const string UniqueKey = "UniqueKey";
        public const string UniqueMode = "UniqueMode";
        public const string UniqueForSeconds = "UniqueForSeconds";
        public const string WaitsForKey = "WaitsForKey";
        public const string ExpiresAt = "ExpiresAt";
        public const string Children = "Children";
        public const string ParentId = "ParentId";
        public const string EarlierAttempts = "EarlierAttempts";
        public const string Follows = "Follows";
        public const string CallbackUrl = "CallbackUrl";
        public const string Outcome = "Outcome";
        public const string Batch = "Batch";
    }
}
