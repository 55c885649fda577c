using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Breakers;

namespace Weir.Controls;

/// <summary>
/// Keeps this instance's view of the controls, and of the breakers, which lie in the same table: 43,200 queries a day for the whole instance. Sees when a control has
/// ended, so that what it held goes on within seconds.
/// </summary>
internal sealed partial class ControlWatch(ControlBoard board, BreakerBoard breakers, HeldRelease release, AutomaticPause automatic, Random chance, TimeProvider clock, ILogger<ControlWatch> logger) : BackgroundService
{
    public static readonly TimeSpan PollEvery = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(45);

    private Task releasing = Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(PollEvery, clock);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotRead(failure);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        var before = board.Seen;
        var controls = await board.ReadAgainAsync(stopping);
        breakers.Learn(controls.OpenBreakers);
        var now = clock.GetUtcNow();
        if (controls.All.Any(control => !control.IsInForce(now)) || before.All.Any(control => control.IsPause && controls.Find(control.Kind, control.Name, now) is null))
            release.Want();
        await automatic.LookAsync(controls, stopping);
        if (release.IsWanted && releasing.IsCompleted)
            releasing = ReleaseAsync(stopping);
    }

    /// <summary>All instances see an end at about the same time, and one of them is enough.</summary>
    private async Task ReleaseAsync(CancellationToken stopping)
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(chance.NextDouble()), clock, stopping);
            await release.RunAsync(ReleaseLimit, stopping);
        }
        catch (Exception failure)
        {
            if (!stopping.IsCancellationRequested)
                LogNotReleased(failure);
        }
    }

    [LoggerMessage(2104, LogLevel.Warning, "The controls could not be read. No job starts by a view that is older than 4 s")]
    private partial void LogNotRead(Exception failure);

    [LoggerMessage(2105, LogLevel.Warning, "Not all that was held could be released; it is tried again")]
    private partial void LogNotReleased(Exception failure);
}
