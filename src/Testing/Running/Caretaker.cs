using Microsoft.Extensions.DependencyInjection;
using Weir.Batches;
using Weir.Controls;
using Weir.Index;
using Weir.Reconciliation;
using Weir.Schedules;
using Weir.Uniqueness;
using Weir.Workflows;

namespace Weir.Testing.Running;

/// <summary>
/// What timers do in a deployment. Schedules are fired when they are due. What a crash cut off is looked for each minute while there is, or was, trouble: without any there is nothing to find, and
/// three days of waiting for an approval would be some thousand rounds for nothing.
/// </summary>
internal sealed class Caretaker(World world, IServiceProvider services, CancellationToken stopping)
{
    private static readonly TimeSpan Round = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(30);

    private readonly TimeProvider clock = world.Current.Place.Clock;
    private bool isLooking;
    private bool hasChanged;
    private CancellationTokenSource? sleep;

    public void Start()
    {
        _ = FireSchedulesAsync();
        _ = HearOfChangesAsync();
        Wake();
    }

    public void Wake()
    {
        if (isLooking || world.TroubleUntil <= clock.GetUtcNow())
            return;
        isLooking = true;
        world.Current.Place.Post(_ => _ = LookAsync(), null);
    }

    private async Task LookAsync()
    {
        try
        {
            while (world.TroubleUntil > clock.GetUtcNow())
            {
                await Task.Delay(Round, clock, stopping);
                await TryAsync(() => services.GetRequiredService<JobIndex>().FlushAsync(stopping));
                await TryAsync(() => services.GetRequiredService<WorkflowSweep>().RunAsync(stopping));
                await TryAsync(() => services.GetRequiredService<HeldRelease>().SweepAsync(stopping));
                await TryAsync(() => services.GetRequiredService<UniqueSweep>().RunAsync(stopping));
                await TryAsync(() => services.GetRequiredService<BatchSweep>().RunAsync(stopping));
                await TryAsync(() => services.GetRequiredService<Reconciler>().RunAsync(stopping));
            }
        }
        finally
        {
            isLooking = false;
        }
    }

    private async Task FireSchedulesAsync()
    {
        var (firing, table) = (services.GetRequiredService<ScheduleFiring>(), services.GetRequiredService<ScheduleTable>());
        while (!stopping.IsCancellationRequested)
        {
            hasChanged = false; // before it looks, so that a change meanwhile is not slept through
            var next = clock.GetUtcNow() + Ahead;
            await TryAsync(async () =>
            {
                var again = await firing.FireDueAsync(stopping);
                // It would ask each 5 s. Nobody else changes a schedule here, so the next one that is due is known.
                if (await table.DueUntilAsync(next, 1, stopping) is [var due, ..])
                    next = due.At > clock.GetUtcNow() ? due.At : again;
            });
            if (!hasChanged)
                await SleepAsync(TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerMillisecond, (next - clock.GetUtcNow()).Ticks)));
        }
    }

    private async Task SleepAsync(TimeSpan time)
    {
        using var sleeping = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        sleep = sleeping;
        await Task.Delay(time, clock, sleeping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        sleep = null;
    }

    /// <summary>Task.WhenAny and CancelAsync would come back by way of the thread pool, perhaps only when the test has let the time pass; this all happens at this place.</summary>
    private async Task HearOfChangesAsync()
    {
        var changes = services.GetRequiredService<ScheduleChanges>();
        while (!stopping.IsCancellationRequested)
        {
            await changes.Next;
            hasChanged = true;
            sleep?.Cancel();
        }
    }

    /// <summary>A round that fails is made up for by the next.</summary>
    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception) when (!stopping.IsCancellationRequested)
        {
        }
    }
}
