using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>
/// Renews the lock of a message or a session for as long as the host may (maxAutoLockRenewalDuration, counted from
/// <see cref="Restart"/>), and says when it is lost. One timer, which a short function never sees fire.
/// </summary>
internal sealed partial class LockKeeper : IAsyncDisposable
{
    /// <summary>Renewed that long before its end, or at half of what is left if that is less: the SDK's figures.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource lost = new();
    private readonly Func<DateTimeOffset> lockedUntil;
    private readonly Func<CancellationToken, Task> renew;
    private readonly TimeSpan longest;
    private readonly TimeProvider clock;
    private readonly ILogger logger;
    private readonly LockName name;
    private readonly CancellationTokenSource closing = new();
    private readonly ITimer timer;
    private DateTimeOffset began;
    private DateTimeOffset plannedFor;
    private Task renewal = Task.CompletedTask;

    public LockKeeper(
        LockName name, Func<DateTimeOffset> lockedUntil, Func<CancellationToken, Task> renew, TimeSpan longest, TimeProvider clock, ILogger logger)
    {
        (this.name, this.lockedUntil, this.renew, this.longest, this.clock, this.logger) = (name, lockedUntil, renew, longest, clock, logger);
        began = clock.GetUtcNow();
        timer = clock.CreateTimer(static self => ((LockKeeper)self!).OnTimer(), this, Plan(), Timeout.InfiniteTimeSpan);
    }

    /// <summary>Fires when the lock is lost or has run out.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Counts the time for which the host renews from now on: the next message of a session has begun.</summary>
    public void Restart() => began = clock.GetUtcNow();

    public async ValueTask DisposeAsync()
    {
        closing.Cancel();
        await timer.DisposeAsync();
        await renewal;
    }

    private void OnTimer()
    {
        if (!closing.IsCancellationRequested)
            renewal = LookAsync();
    }

    private async Task LookAsync()
    {
        try
        {
            timer.Change(await RenewIfDueAsync(), Timeout.InfiniteTimeSpan);
        }
        catch (Exception) when (closing.IsCancellationRequested)
        {
            // The function is done, and the timer perhaps disposed of.
        }
        catch (ServiceBusException failure) when (IsLost(failure.Reason))
        {
            LoseIt();
        }
        catch (Exception failure)
        {
            Log.NotRenewed(logger, failure, name);
            timer.Change(RetryAfter, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Returns when to look again.</summary>
    private async Task<TimeSpan> RenewIfDueAsync()
    {
        var now = clock.GetUtcNow();
        var until = lockedUntil();
        if (now >= until)
        {
            LoseIt();
            return Timeout.InfiniteTimeSpan;
        }
        if (until != plannedFor)
            return Plan(); // the function has renewed it
        if (now - began >= longest)
            return until - now;
        await renew(closing.Token);
        return Plan();
    }

    private TimeSpan Plan()
    {
        plannedFor = lockedUntil();
        var left = plannedFor - clock.GetUtcNow();
        if (left <= TimeSpan.Zero)
            return TimeSpan.Zero;
        return left - (left / 2 < Margin ? left / 2 : Margin);
    }

    private static bool IsLost(ServiceBusFailureReason reason) =>
        reason is ServiceBusFailureReason.SessionLockLost or ServiceBusFailureReason.MessageLockLost or ServiceBusFailureReason.MessageNotFound;

    private void LoseIt()
    {
        Log.Lost(logger, name);
        lost.Cancel();
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Warning, "The lock of {Name} is lost: its function is cancelled, and the message will be delivered again.")]
        public static partial void Lost(ILogger logger, LockName name);

        [LoggerMessage(21, LogLevel.Warning, "The lock of {Name} could not be renewed; tried again while it lasts.")]
        public static partial void NotRenewed(ILogger logger, Exception failure, LockName name);
    }
}

/// <summary>What is locked, put into words only for a log that is written.</summary>
internal readonly record struct LockName(string Kind, string? Id, string Entity)
{
    public override string ToString() => $"{Kind} {Id} of {Entity}";
}
