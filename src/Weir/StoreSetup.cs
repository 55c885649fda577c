using Microsoft.Extensions.Hosting;
using Weir.Breakers;
using Weir.Cancellation;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Retries;
using Weir.Uniqueness;

namespace Weir;

/// <summary>Before the first job: the tables are there, and the catalogue is sound (a bad job type stops the start, not a job at night).</summary>
internal sealed class StoreSetup(ReceiptTable receipts, BreakerTable breakers, UniqueTable uniques, CancelNotices notices, JobCatalog catalog, RetryPolicies policies) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var type in catalog.Types)
            policies.Of(type);
        await receipts.CreateIfMissingAsync(cancellationToken);
        await breakers.CreateIfMissingAsync(cancellationToken);
        await uniques.CreateIfMissingAsync(cancellationToken);
        await notices.CreateIfMissingAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
