using Microsoft.Azure.Functions.Worker;
using Weir.Batches;

namespace Functions.Timers;

/// <summary>Each minute, on one instance: what a crash cut off waits for no longer.</summary>
public sealed class SweepBatches(BatchSweep sweep)
{
    [Function(nameof(SweepBatches))]
    public Task RunAsync([TimerTrigger("30 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken cancellation) => sweep.RunAsync(cancellation);
}
