using Microsoft.Extensions.Options;
using Weir;
using Weir.Api;
using Weir.Catalog;
using Weir.Index;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;
using Weir.Uniqueness;

namespace Dashboard.Reading;

/// <summary>
/// Finds jobs by what their senders call them: an id, an Idempotency-Key, a unique key, an ordering key that is held up. All of them name a row, so nothing is
/// searched through; without a type every one of the catalogue is tried, without a tenant the visitor's own, or the deployment's default.
/// </summary>
internal sealed class KeySearch(JobCatalog catalog, ReceiptTable receipts, UniqueTable uniques, OrderingKeyTable ordering, IOptions<WeirOptions> options)
{
    private const int MostTypes = 100;
    private const int AtOnce = 20;
    private const int MostText = 1_024;

    public async Task<IReadOnlyList<FoundByKey>> FindAsync(Visit visit, string text, string? type, string? tenant)
    {
        var caller = visit.Session.Caller;
        if (text.Length > MostText || (tenant is not null && !caller.Sees(tenant)))
            return [];
        var owner = tenant ?? caller.Tenant ?? options.Value.Tenant;
        var types = type is not null ? [type] : catalog.Types.Select(one => one.Name).Order(StringComparer.Ordinal).Take(MostTypes).ToArray();
        var ids = new List<(string As, string Id)>();
        if (JobId.IsWellFormed(text))
            ids.Add(("id", text.ToLowerInvariant()));
        ids.AddRange(types.Select(one => ("Idempotency-Key", JobId.FromKey(owner, one, text))));
        try
        {
            var heads = await Task.WhenAll(Enum.GetValues<Queue>().Select(queue => ordering.FindHeadAsync(OrderedKeys.KeyOf(owner, queue, text), visit.Cancellation)));
            ids.AddRange(heads.Where(head => head is not null).Select(head => ("ordering key", head!.JobId)));
            foreach (var some in types.Chunk(AtOnce))
            {
                var rows = await Task.WhenAll(some.Select(one => uniques.FindAsync(UniqueTable.IdOf(owner, one, text), visit.Cancellation)));
                ids.AddRange(rows.Where(row => row is not null).Select(row => ("unique key", row!.Holder)));
            }
            var found = new List<FoundByKey>();
            foreach (var some in ids.DistinctBy(one => one.Id).Chunk(AtOnce))
            {
                var jobs = await Task.WhenAll(some.Select(one => receipts.FindAsync(one.Id, visit.Cancellation)));
                found.AddRange(some.Zip(jobs).Where(pair => pair.Second is { } job && caller.Sees(job.Tenant)).Select(pair => new FoundByKey(pair.First.As, View(pair.Second!))));
            }
            return found;
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            return [];
        }
    }

    private static ListedJobView View(Receipt receipt) => ListedJobView.Of(new ListedJob(JobSummary.Of(receipt), receipt.State, receipt.State.IsFinal() ? receipt.FinishedAt : null));
}
