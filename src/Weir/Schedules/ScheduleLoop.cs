using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Weir.Schedules;

/// <summary>Calls <see cref="ScheduleFiring.FireDueAsync"/> whenever it said to, or when somebody here has changed a schedule.</summary>
internal sealed partial class ScheduleLoop(ScheduleFiring firing, ScheduleChanges changes, TimeProvider clock, ILogger<ScheduleLoop> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var next = clock.GetUtcNow() + ScheduleFiring.Grace; // what the one before has fired is not another's turn any sooner
        var changed = changes.Next;
        while (!stoppingToken.IsCancellationRequested)
        {
            await WaitAsync(next, changed, stoppingToken);
            changed = changes.Next; // before it looks, so that a change meanwhile is not slept through
            try
            {
                next = await firing.FireDueAsync(stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                LogNotAsked(failure);
                next = clock.GetUtcNow() + ScheduleFiring.Grace;
            }
        }
    }

    private async Task WaitAsync(DateTimeOffset next, Task changed, CancellationToken stopping)
    {
        // A timer counts in whole milliseconds, and one that fires early would find nothing.
        var wait = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Clamp((next - clock.GetUtcNow()).TotalMilliseconds, 0, ScheduleFiring.Poll.TotalMilliseconds)) + 1);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await Task.WhenAny(Task.Delay(wait, clock, enough.Token), changed);
        await enough.CancelAsync();
    }

    [LoggerMessage(555, LogLevel.Warning, "What is due could not be asked for; it is tried again in a second")]
    private partial void LogNotAsked(Exception failure);
}

/// <summary>Tells the loop of this instance that a schedule was changed here.</summary>
internal sealed class ScheduleChanges
{
    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Next => Volatile.Read(ref next).Task;

    public void Tell() => Interlocked.Exchange(ref next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
}
