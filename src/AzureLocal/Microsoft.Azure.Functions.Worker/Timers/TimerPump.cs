using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

internal sealed record TimerOptions(string Name, TimerSchedule Schedule, bool RunOnStartup, bool UseMonitor);

/// <summary>
/// Fires one timer, in one host of the data directory at a time. Occurrences never overlap, and those that pass while the
/// function runs are one. A monitored timer that missed its occurrence runs at once, marked as past due.
/// </summary>
internal sealed partial class TimerPump(
    TimerOptions options, TimerStore store, Func<TimerInfo, CancellationToken, Task> run, TimeProvider clock, Random random, ILogger logger) : IPump
{
    private static readonly TimeSpan RenewEvery = TimerStore.Lease / 3;

    /// <summary>How often a host that does not hold the lease asks for it.</summary>
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(5);

    /// <summary>Timers of the runtime end at 49 days; a wait is cut into days.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private DateTime Now => clock.GetUtcNow().UtcDateTime;

    public async Task RunAsync(CancellationToken stopping)
    {
        var backoff = new Backoff(clock, random);
        while (!stopping.IsCancellationRequested)
        {
            var delay = AskEvery;
            try
            {
                var (taken, status) = await store.ClaimAsync(options.Name, clock.GetUtcNow(), stopping);
                backoff.Reset();
                if (taken)
                {
                    await LeadAsync(status, stopping);
                    continue;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                delay = backoff.Next();
                Log.Failed(logger, failure, options.Name, delay);
            }
            await backoff.WaitAsync(delay, stopping);
        }
    }

    private async Task LeadAsync(ScheduleStatus? recorded, CancellationToken stopping)
    {
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var keeping = KeepLeaseAsync(leading);
        try
        {
            await FireAsync(recorded, leading.Token);
        }
        catch (OperationCanceledException) when (leading.IsCancellationRequested)
        {
            // The host stops, or another host took over.
        }
        finally
        {
            leading.Cancel();
            await keeping;
            await store.ReleaseAsync(options.Name);
        }
    }

    private async Task KeepLeaseAsync(CancellationTokenSource leading)
    {
        var until = clock.GetUtcNow() + TimerStore.Lease;
        while (!leading.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(RenewEvery, clock, leading.Token);
                var now = clock.GetUtcNow();
                if (!await store.RenewAsync(options.Name, now, leading.Token))
                {
                    Log.LeaseLost(logger, options.Name);
                    leading.Cancel();
                    return;
                }
                until = now + TimerStore.Lease;
            }
            catch (OperationCanceledException) when (leading.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                Log.Failed(logger, failure, options.Name, RenewEvery);
                if (clock.GetUtcNow() >= until)
                    leading.Cancel();
            }
        }
    }

    private async Task FireAsync(ScheduleStatus? recorded, CancellationToken leading)
    {
        var status = await ResumeAsync(recorded);
        if (options.UseMonitor && Now > status.Next)
            status = await FireOnceAsync(status, isPastDue: true, leading);
        else if (options.RunOnStartup)
            status = await FireOnceAsync(status, isPastDue: false, leading);
        while (true)
        {
            // A delay is cut to whole milliseconds, so one of less than that would be none, again and again until the time has come.
            for (var left = status.Next - Now; left > TimeSpan.Zero; left = status.Next - Now)
                await Task.Delay(left < LongestWait ? left + TimeSpan.FromMilliseconds(1) : LongestWait, clock, leading);
            status = await FireOnceAsync(status, isPastDue: false, leading);
        }
    }

    /// <summary>Where the schedule stands, from what was recorded; anew when nothing was or when the schedule has changed since.</summary>
    private async Task<ScheduleStatus> ResumeAsync(ScheduleStatus? recorded)
    {
        if (options.UseMonitor && recorded is not null && options.Schedule.Next(recorded.LastUpdated) == recorded.Next)
            return recorded;
        var now = Now;
        var status = new ScheduleStatus { Next = options.Schedule.Next(now), LastUpdated = now };
        if (options.UseMonitor)
            await store.RecordAsync(options.Name, status);
        return status;
    }

    private async Task<ScheduleStatus> FireOnceAsync(ScheduleStatus status, bool isPastDue, CancellationToken leading)
    {
        leading.ThrowIfCancellationRequested();
        var began = Now;
        try
        {
            await run(new TimerInfo { ScheduleStatus = options.UseMonitor ? status : null, IsPastDue = isPastDue }, leading);
        }
        catch (Exception)
        {
            // The invoker has logged it; a timer goes on with its next occurrence.
        }
        // From the start of the run: occurrences that passed during it are made good by one, at once.
        var next = new ScheduleStatus { Last = began, Next = options.Schedule.Next(began), LastUpdated = began };
        if (options.UseMonitor)
            await store.RecordAsync(options.Name, next);
        return next;
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Error, "Timer {Function} cannot reach its lease; next try in {Delay}.")]
        public static partial void Failed(ILogger logger, Exception failure, string function, TimeSpan delay);

        [LoggerMessage(31, LogLevel.Warning, "The lease of timer {Function} went to another host: it runs there.")]
        public static partial void LeaseLost(ILogger logger, string function);
    }
}
