using Microsoft.Extensions.Hosting;
using Weir.Access;
using Weir.Breakers;
using Weir.Catalog;
using Weir.Completion;
using Weir.Receipts;
using Weir.Retries;

namespace Weir;

/// <summary>Before the first job: the tables are there, and the catalogue is sound (a bad job type stops the start, not a job at night).</summary>
internal sealed class StoreSetup(
    ReceiptTable receipts, BreakerTable breakers, JobCatalog catalog, RetryPolicies policies, Admission admission, CallbackUrls callbacks) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _ = (admission, callbacks); // made now, so that a wrong setting of keys or secrets stops the start too
        foreach (var type in catalog.Types)
            policies.Of(type);
        await receipts.CreateIfMissingAsync(cancellationToken);
        await breakers.CreateIfMissingAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
