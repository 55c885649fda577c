using System.Globalization;
using Weir.Batches;
using Weir.Receipts;

namespace Weir.Api;

/// <summary>Pages of a batch's items. Which of them fit is known from the counts; what is shown of each is read from its receipt.</summary>
internal sealed class BatchItemPages(BatchTable table, ReceiptTable receipts)
{
    private const int AtOnce = 20;

    public async Task<BatchItemsView> ReadAsync(BatchStanding standing, ItemFilter filter, int after, int limit, CancellationToken cancellation)
    {
        var batch = standing.Batch;
        var known = standing.Known.ToDictionary(item => item.Index);
        // Before it is accepted it is known only which items were begun and have ended.
        var all = batch.AcceptedAt is null ? known.Keys.Order() : Enumerable.Range(0, batch.Total);
        var found = all.Where(index => index > after && filter.Takes(known.TryGetValue(index, out var item) ? item.State : ItemState.Pending)).Take(limit + 1).ToArray();
        var page = found.Take(limit).ToArray();
        if (page.Length == 0)
            return new BatchItemsView([], null);

        var refusals = page.Any(IsRefused) ? await table.RefusalsAsync(batch.Id, page[0], page[^1], cancellation) : new Dictionary<int, ItemRefusal>();
        var views = new List<BatchItemView>(page.Length);
        foreach (var some in page.Chunk(AtOnce))
            views.AddRange(await Task.WhenAll(some.Select(index => IsRefused(index) ? Task.FromResult(BatchItemView.Of(index, refusals.GetValueOrDefault(index))) : ShowAsync(index))));
        return new BatchItemsView(views, found.Length > limit ? page[^1].ToString(CultureInfo.InvariantCulture) : null);

        bool IsRefused(int index) => known.TryGetValue(index, out var item) && item.State == ItemState.Refused;

        async Task<BatchItemView> ShowAsync(int index)
        {
            var jobId = new BatchItem(batch.Id, index).JobIdIn(batch.Tenant);
            return await receipts.FindAsync(jobId, cancellation) is { } job
                ? BatchItemView.Of(index, job)
                : BatchItemView.Gone(index, known.TryGetValue(index, out var item) ? item.State : ItemState.Pending, jobId);
        }
    }
}

/// <summary>Which items a page shows.</summary>
internal sealed record ItemFilter(Func<ItemState, bool> Takes)
{
    public const string Names = "pending, succeeded, deadLettered, cancelled, expired, compensated, refused, failed (deadLettered, expired, compensated or refused)";

    public static ItemFilter Failed { get; } = new(state => state.IsFailed());

    private static ItemFilter All { get; } = new(_ => true);

    public static bool TryRead(string? name, out ItemFilter filter)
    {
        filter = name switch
        {
            null or "" => All,
            "failed" => Failed,
            _ when Enum.GetValues<ItemState>().Where(state => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(state.ToString()) == name).ToArray() is [var one] => new(state => state == one),
            _ => null!,
        };
        return filter is not null;
    }
}
