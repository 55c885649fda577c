using Microsoft.Azure.Functions.Worker;
using Weir.Controls;

namespace Functions.Timers;

/// <summary>Each minute, on one instance: what is held for a control that has ended goes on, though whoever saw it end has died.</summary>
public sealed class ReleaseHeldJobs(HeldRelease release)
{
    [Function(nameof(ReleaseHeldJobs))]
    public Task RunAsync([TimerTrigger("45 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => release.SweepAsync(stopping);
}
