using Microsoft.Azure.Functions.Worker;
using Weir.Replays;

namespace Functions.Timers;

/// <summary>Each 5 s, on one instance: looks whether a staged replay is under way, and carries it on for up to a minute. Most of the time that is one read.</summary>
public sealed class CarryReplays(ReplayCarrier carrier)
{
    [Function(nameof(CarryReplays))]
    public Task RunAsync([TimerTrigger("*/5 * * * * *", UseMonitor = false)] TimerInfo timer, CancellationToken stopping) => carrier.RunAsync(stopping);
}
