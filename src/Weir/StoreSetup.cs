using Microsoft.Extensions.Hosting;
using Weir.Access;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Retries;

namespace Weir;

/// <summary>Before the first job: the tables are there, and the catalogue is sound (a bad job type stops the start, not a job at night).</summary>
internal sealed class StoreSetup(ReceiptTable receipts, JobCatalog catalog, RetryPolicies policies, Admission admission) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _ = admission; // made now, so that a wrong key setting stops the start too
        foreach (var type in catalog.Types)
            policies.Of(type);
        await receipts.CreateIfMissingAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
