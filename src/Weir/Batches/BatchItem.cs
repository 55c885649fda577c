using System.Globalization;
using Weir.Lanes;
using Weir.Submission;

namespace Weir.Batches;

/// <summary>Which item of which batch a job is. The job's id follows from it, so that a batch sent again makes no second job of any item.</summary>
internal readonly record struct BatchItem(string BatchId, int Index)
{
    public string JobIdIn(string tenant) => JobId.FromKey(tenant, "weir.batch.item", ToString());

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{BatchId}:{Index}");

    public static BatchItem? Parse(string? text) =>
        text?.IndexOf(':', StringComparison.Ordinal) is { } colon and > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? new BatchItem(text[..colon], index)
            : null;

    /// <summary>
    /// In which of a batch's shards its end is counted: by the hash that chooses its lane. Both being powers of two, or the same, an instance that has a
    /// lane has its shard too, so that instances seldom write to one row.
    /// </summary>
    public static int ShardOf(string jobId, int shards) => Lane.Share(jobId, shards);
}

/// <summary>Where an item stands, as its batch counts it. The numbers are stored: add, never change.</summary>
internal enum ItemState : byte
{
    /// <summary>Not ended; or ended once, and replayed since.</summary>
    Pending = 1,
    Succeeded = 2,
    DeadLettered = 3,
    Cancelled = 4,
    Expired = 5,
    Compensated = 6,

    /// <summary>No job was made of it: it was not acceptable.</summary>
    Refused = 7,
}

internal static class ItemStates
{
    public static ItemState Of(JobState state) => state switch
    {
        JobState.Succeeded => ItemState.Succeeded,
        JobState.DeadLettered => ItemState.DeadLettered,
        JobState.Cancelled => ItemState.Cancelled,
        JobState.Expired => ItemState.Expired,
        JobState.Compensated => ItemState.Compensated,
        _ => ItemState.Pending,
    };

    /// <summary>It ended in a way that a retry can mend.</summary>
    public static bool IsDead(this ItemState state) => state is ItemState.DeadLettered or ItemState.Expired;

    public static bool IsFailed(this ItemState state) => state.IsDead() || state is ItemState.Compensated or ItemState.Refused;
}
