using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Execution;

namespace Weir.Pressure;

/// <summary>
/// Keeps this instance's reading fresh: it polls if it holds the lease, and reads what the holder has found otherwise. A holder that stays away for 12 s is replaced. Every
/// 5 s while there is a backlog, every 15 s while there is work, once a minute while there is none, and at once when somebody asks who has not for long.
/// </summary>
internal sealed partial class PressureWatch(PressureBoard board, PressurePoll poll, PressureTable table, PressureOptions options, Instance instance, KillPoints kill, TimeProvider clock, ILogger<PressureWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(12);

    /// <summary>However urgent.</summary>
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(1);

    private PressureRow? row;
    private bool isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await LookAsync(stoppingToken);
            await WaitAsync(stoppingToken);
        }
    }

    /// <summary>One look; what fails is tried again with the next.</summary>
    internal async Task LookAsync(CancellationToken stopping)
    {
        board.Answer();
        try
        {
            if (row is null || !IsOurs(row))
                row = await table.ReadAsync(stopping);
            if (row is null || IsOurs(row) || row.LeaseUntil + Claims.ClockSkew < clock.GetUtcNow())
                await PollAsync(stopping);
            else
                board.Use(row.Reading);
            isAway = false;
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            // The instance stops; its lease runs out.
        }
        catch (Exception failure)
        {
            row = null;
            if (!isAway)
                LogAway(failure);
            isAway = true;
        }
    }

    private async Task PollAsync(CancellationToken stopping)
    {
        // Taken before it is used: of those who find it free at the same moment one polls.
        if (row is null || !IsOurs(row))
        {
            var taken = new PressureRow(instance.Id, clock.GetUtcNow() + Lease, row?.Reading ?? PressureReading.None) { ETag = row?.ETag };
            row = await table.WriteAsync(taken, stopping);
            if (row is null)
                return; // another one polls; what it finds is read with the next look
            kill.Pass(KillPoints.AfterPollTaken);
        }
        var before = row.Reading;
        var reading = await poll.ReadAsync(before, stopping);
        board.Use(reading);
        kill.Pass(KillPoints.AfterPolled);
        row = await table.WriteAsync(row with { LeaseUntil = clock.GetUtcNow() + Lease, Reading = reading }, stopping);
        if (row is not null)
            poll.Tell(before, reading);
    }

    private async Task WaitAsync(CancellationToken stopping)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            var pause = Pause();
            await Task.Delay(Soonest, clock, enough.Token);
            await Task.WhenAny(Task.Delay(pause - Soonest, clock, enough.Token), board.Asked);
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        await enough.CancelAsync();
    }

    private TimeSpan Pause()
    {
        var reading = board.Reading;
        if (reading.Queues.Any(queue => queue.Level != PressureLevel.Normal || queue.Depth >= options.Of(queue.Queue).MinDepth / 2))
            return Busy;
        return board.AskedAt + Idle > clock.GetUtcNow() || reading.Queues.Any(queue => queue.Depth > 0) ? Quiet : Idle;
    }

    private bool IsOurs(PressureRow one) => one.Holder == instance.Id && one.LeaseUntil > clock.GetUtcNow();

    [LoggerMessage(2052, LogLevel.Warning, "The pressure of the queues cannot be found out: while it is not known, everything is accepted. It is tried again")]
    private partial void LogAway(Exception failure);
}
