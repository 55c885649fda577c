using Azure;
using Azure.Data.Tables;

namespace Weir.Batches;

/// <summary>The row "batch": what a batch is, and what operators have asked of it. What became of its items is in its shards.</summary>
internal sealed class Batch(TableEntity row)
{
    public const string Row = "batch";

    /// <summary>The most items.</summary>
    public const int MaxItems = 10_000;

    /// <summary>The most shards: as many as a tenant has lanes unless set otherwise. Fewer are a divisor of it.</summary>
    public const int MaxShards = 32;

    public string Id => row.PartitionKey;

    public ETag ETag => row.ETag;

    public string Tenant => row.GetString(Column.Tenant) ?? throw new InvalidDataException($"The row of batch {Id} has no tenant: it was not written by Weir, or damaged.");

    public string? Name => row.GetString(Column.Name);

    public DateTimeOffset CreatedAt => row.GetDateTimeOffset(Column.CreatedAt) ?? default;

    public int Shards => row.GetInt32(Column.Shards) ?? 1;

    /// <summary>The type of the job that is submitted when every item has ended.</summary>
    public string? CompletionType => row.GetString(Column.CompletionType);

    /// <summary>Since when all its items are with the broker; before it, nobody has been promised anything.</summary>
    public DateTimeOffset? AcceptedAt => row.GetDateTimeOffset(Column.AcceptedAt);

    /// <summary>How many items it has; 0 before it is accepted.</summary>
    public int Total => row.GetInt32(Column.Total) ?? 0;

    /// <summary>What its items were, in one SHA-256.</summary>
    public string? ItemsHash => row.GetString(Column.ItemsHash);

    /// <summary>The request could not be read to its end, for this reason: it is no batch, and what was begun of it is cancelled.</summary>
    public string? RefusedCode => row.GetString(Column.RefusedCode);

    /// <summary>How many items had been read of a request that was refused.</summary>
    public int Begun => row.GetInt32(Column.Begun) ?? 0;

    public DateTimeOffset? PausedAt => row.GetBoolean(Column.Paused) == true ? row.GetDateTimeOffset(Column.PausedAt) : null;

    /// <summary>It was resumed, and there may still be items that are held.</summary>
    public bool IsReleasing => row.GetBoolean(Column.Releasing) == true;

    public DateTimeOffset? CancelledAt => row.GetDateTimeOffset(Column.CancelledAt);

    public string? CancelledBy => row.GetString(Column.CancelledBy);

    public string? CancelReason => row.GetString(Column.CancelReason);

    /// <summary>When its last item ended for the first time; a retry changes it no more.</summary>
    public DateTimeOffset? CompletedAt => row.GetDateTimeOffset(Column.CompletedAt);

    /// <summary>The summary as it was then, as JSON: what the completion job gets.</summary>
    public string? Summary => row.GetString(Column.Summary);

    /// <summary>The job that was submitted for its end.</summary>
    public string? CompletionJob => row.GetString(Column.CompletionJob);

    /// <summary>Everything that follows its end is done.</summary>
    public bool IsDone => row.GetBoolean(Column.Done) == true;

    /// <summary>When its items' receipts were last compared with its counts.</summary>
    public DateTimeOffset? ReconciledAt => row.GetDateTimeOffset(Column.ReconciledAt);

    /// <summary>How many items a shard has.</summary>
    public int ExpectedIn(int shard) => (row.GetString(Column.Expected) ?? "").Split(',') is { } counts && shard < counts.Length && int.TryParse(counts[shard], out var count) ? count : 0;

    internal static class Column
    {
        public const string Tenant = "Tenant";
        public const string Name = "Name";
        public const string CreatedAt = "CreatedAt";
        public const string Shards = "Shards";
        public const string CompletionType = "CompletionType";
        public const string AcceptedAt = "AcceptedAt";
        public const string Total = "Total";
        public const string Expected = "Expected";
        public const string ItemsHash = "ItemsHash";
        public const string RefusedCode = "RefusedCode";
        public const string Begun = "Begun";
        public const string Paused = "Paused";
        public const string PausedAt = "PausedAt";
        public const string Releasing = "Releasing";
        public const string CancelledAt = "CancelledAt";
        public const string CancelledBy = "CancelledBy";
        public const string CancelReason = "CancelReason";
        public const string CompletedAt = "CompletedAt";
        public const string Summary = "Summary";
        public const string CompletionJob = "CompletionJob";
        public const string Done = "Done";
        public const string ReconciledAt = "ReconciledAt";
    }
}
