using Microsoft.Azure.Functions.Worker;
using Weir.SyntheticCheck;

namespace Functions.Timers;

/// <summary>Each 5 s, the shortest <c>Weir:SyntheticCheck:Every</c> there can be; most of the time nothing is due, and nothing is asked. On one instance, and only where it is switched on.</summary>
public sealed class CheckSynthetically(SyntheticChecks checks)
{
    [Function(nameof(CheckSynthetically))]
    public Task RunAsync([TimerTrigger("*/5 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => checks.RunAsync(stopping);
}
