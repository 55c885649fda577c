using Microsoft.Azure.Functions.Worker;
using Weir.Retention;

namespace Functions.Timers;

/// <summary>Each minute, on one instance: what retention removes would pile up between rarer runs.</summary>
public sealed class RemoveFinishedJobs(JobRetention retention)
{
    [Function(nameof(RemoveFinishedJobs))]
    public Task RunAsync([TimerTrigger("0 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => retention.RunAsync(stopping);
}
