using Microsoft.Azure.Functions.Worker;
using Weir.Uniqueness;

namespace Functions.Timers;

public sealed class SweepUniqueKeys(UniqueSweep sweep)
{
    [Function(nameof(SweepUniqueKeys))]
    public Task RunAsync([TimerTrigger("0 17 * * * *")] TimerInfo timer, CancellationToken cancellation) => sweep.RunAsync(cancellation);
}
