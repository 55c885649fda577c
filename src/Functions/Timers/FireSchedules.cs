using Microsoft.Azure.Functions.Worker;
using Weir.Schedules;

namespace Functions.Timers;

/// <summary>Each minute: so that an app that is scaled to zero is woken for its schedules. A running one fires them to the second by itself.</summary>
public sealed class FireSchedules(ScheduleFiring firing)
{
    [Function(nameof(FireSchedules))]
    public Task RunAsync([TimerTrigger("0 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => firing.FireDueAsync(stopping);
}
