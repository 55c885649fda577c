using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Execution;

namespace Weir.Cancellation;

/// <summary>
/// Tells the jobs that run here when somebody has asked for their cancellation elsewhere. One query each 1.5 s for the whole instance,
/// and none while no job has run for longer than that: 57,600 a day at most. Each of 64 long jobs reading its own receipt as often, or
/// renewing its lease as often, would be 64 times that; waiting for the renewals that happen anyway takes 10 s (a third of the lease).
/// </summary>
internal sealed partial class CancelWatch(CancelNotices notices, InFlight inFlight, TimeProvider clock, ILogger<CancelWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1.5);

    /// <summary>How far back it looks: past the failure of some queries, and past clocks that differ.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotSeen(failure);
            }
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        var now = clock.GetUtcNow();
        if (!inFlight.Claims.Any(claim => now - claim.Attempt.StartedAt >= Period))
            return;
        foreach (var (jobId, attempt) in await notices.SinceAsync(now - Overlap, stopping))
            inFlight.RequestCancel(jobId, attempt);
    }

    [LoggerMessage(1401, LogLevel.Warning, "Requests to cancel could not be read; running jobs find them when they renew their lease")]
    private partial void LogNotSeen(Exception failure);
}
