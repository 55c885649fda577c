namespace Weir.Batches;

/// <summary>The payload of a batch's completion job: how its items had ended when the last of them did.</summary>
/// <param name="Link">Where the whole batch is seen.</param>
public sealed record BatchSummary(
    string BatchId, string? Name, DateTimeOffset CreatedAt, DateTimeOffset CompletedAt, int Total,
    int Succeeded, int DeadLettered, int Cancelled, int Expired, int Compensated, int Refused, string Link)
{
    internal static BatchSummary Of(BatchStanding standing, DateTimeOffset now)
    {
        var batch = standing.Batch;
        return new BatchSummary(
            batch.Id, batch.Name, batch.CreatedAt, now, batch.Total,
            standing.Of(ItemState.Succeeded), standing.Of(ItemState.DeadLettered), standing.Of(ItemState.Cancelled), standing.Of(ItemState.Expired),
            standing.Of(ItemState.Compensated), standing.Of(ItemState.Refused), $"/api/batches/{batch.Id}");
    }
}
