using Microsoft.Extensions.Hosting;
using Weir.Access;
using Weir.Catalog;
using Weir.Completion;
using Weir.Lanes;
using Weir.Limits;
using Weir.Pressure;
using Weir.Retries;

namespace Weir;

/// <summary>Before the first job: the tables are there, and the catalogue is sound (a bad job type stops the start, not a job at night).</summary>
internal sealed class StoreSetup(
    IEnumerable<IStoredTable> tables, JobCatalog catalog, RetryPolicies policies, LaneCounts lanes, Admission admission, CallbackUrls callbacks, PressureOptions pressure, RateLimits limits, QuotaSettings quotas) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _ = (admission, callbacks, pressure, limits, quotas); // made now, so that a wrong setting of keys, secrets, thresholds or limits stops the start too
        foreach (var type in catalog.Types)
            policies.Of(type);
        lanes.Of(tenant: "", Queue.Default); // was read, and so checked, when it was made
        try
        {
            await Task.WhenAll(tables.Select(table => table.CreateIfMissingAsync(cancellationToken)));
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            throw new InvalidOperationException($"The tables cannot be reached: {away.GetBaseException().Message} Check the connection '{AzureConnections.Storage}', and that this identity may write tables there.", away);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>A table that must be there before the first job; all are made at once, since each costs a round trip.</summary>
internal interface IStoredTable
{
    Task CreateIfMissingAsync(CancellationToken cancellation);
}
