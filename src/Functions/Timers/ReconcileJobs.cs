using Microsoft.Azure.Functions.Worker;
using Weir.Reconciliation;

namespace Functions.Timers;

/// <summary>Asks each 5 s, the shortest <c>Weir:Reconcile:Every</c> there can be; most of the time nothing is due, and nothing is read.</summary>
public sealed class ReconcileJobs(Reconciler reconciler)
{
    [Function(nameof(ReconcileJobs))]
    public Task RunAsync([TimerTrigger("*/5 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => reconciler.RunAsync(stopping);
}
