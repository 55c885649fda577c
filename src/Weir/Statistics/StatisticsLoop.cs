using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Weir.Execution;

namespace Weir.Statistics;

/// <summary>
/// Writes what this instance has counted at each full 10 s, the same for all instances, so that their rows lie over the same times. An instance in which nothing
/// happens writes nothing and does not even look. A crash loses the counts of at most 10 s; a table that is away loses none, they come in a later row.
/// </summary>
internal sealed partial class StatisticsLoop(JobStatistics statistics, StatisticsTable table, Instance instance, KillPoints kill, TimeProvider clock, ILogger<StatisticsLoop> logger) : IHostedService, IDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource stopping = new();
    private Task counting = Task.CompletedTask;
    private StatisticsRow? unwritten;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        counting = RunAsync(stopping.Token);
        return Task.CompletedTask;
    }

    /// <summary>After the triggers: what the last jobs did is written too.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await counting.WaitAsync(cancellationToken);
        await FlushAsync(BeginningOf(clock.GetUtcNow()), cancellationToken);
    }

    public void Dispose() => stopping.Dispose();

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await statistics.Something.WaitAsync(stop);
                var from = BeginningOf(clock.GetUtcNow());
                await Task.Delay(from + Interval - clock.GetUtcNow() + TimeSpan.FromMilliseconds(1), clock, stop); // a timer counts in whole milliseconds
                await FlushAsync(from, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Written by whoever stops it.
        }
    }

    /// <summary>What could not be written keeps its key, so that writing it again is the same row; meanwhile counting goes on in memory.</summary>
    internal async Task FlushAsync(DateTimeOffset from, CancellationToken cancellation)
    {
        try
        {
            if (unwritten is not null)
                await WriteAsync(unwritten, cancellation);
            if (statistics.Take() is { Count: > 0 } counted)
                await WriteAsync(new StatisticsRow(instance.Id, from, clock.GetUtcNow(), counted), cancellation);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotWritten(failure);
        }
        catch (OperationCanceledException)
        {
            // The host's patience is over: the counts of some seconds are lost.
        }
    }

    private async Task WriteAsync(StatisticsRow row, CancellationToken cancellation)
    {
        unwritten = row;
        await table.WriteAsync(row, cancellation);
        kill.Pass(KillPoints.AfterCounted);
        unwritten = null;
    }

    private static DateTimeOffset BeginningOf(DateTimeOffset now) => now.AddTicks(-(now.Ticks % Interval.Ticks));

    [LoggerMessage(2060, LogLevel.Warning, "The statistics of this instance could not be written; they come with the next ones")]
    private partial void LogNotWritten(Exception failure);
}
