using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Weir.Catalog;
using Weir.Index;
using Weir.Receipts;
using Weir.Statistics;

namespace Weir.Retention;

/// <summary>
/// Removes jobs that ended long ago, by walking the index from its oldest line: the receipt with all beside it, then the line, so that a crash in between leaves a line that
/// leads nowhere and goes with the next walk. A dead letter stays, unless its type says how long.
/// </summary>
public sealed partial class JobRetention
{
    /// <summary>At most so many lines are read in a run, and its time is bounded: the next one goes on where it ended.</summary>
    private const int MostPages = 20;

    private const int AtOnce = 16;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);

    private readonly JobIndexTable index;
    private readonly ReceiptTable receipts;
    private readonly JobCatalog catalog;
    private readonly IOptions<WeirOptions> options;
    private readonly StatisticsRetention statistics;
    private readonly TimeProvider clock;
    private readonly ILogger<JobRetention> logger;

    /// <summary>Where the next run goes on; null at the oldest line. Lost with the process, which costs reading some lines twice.</summary>
    private string? next;

    internal JobRetention(JobIndexTable index, ReceiptTable receipts, JobCatalog catalog, IOptions<WeirOptions> options, StatisticsRetention statistics, TimeProvider clock, ILogger<JobRetention> logger) =>
        (this.index, this.receipts, this.catalog, this.options, this.statistics, this.clock, this.logger) = (index, receipts, catalog, options, statistics, clock, logger);

    /// <summary>One run. What it does is safe to do twice, and at once.</summary>
    /// <returns>How many jobs it removed.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        var shortest = catalog.Types.Select(type => type.Retention).OfType<TimeSpan>().Append(options.Value.Retention).Min();
        var removed = 0;
        for (var page = 0; page < MostPages && clock.GetElapsedTime(started) < Limit; page++)
        {
            var (lines, more) = await index.ReadOldestAsync(clock.GetUtcNow() - shortest, next, cancellation);
            removed += await RemoveDueAsync(lines, cancellation);
            next = more;
            if (more is null)
                break;
        }
        if (removed > 0)
            LogRemoved(removed);
        await statistics.RunAsync(cancellation);
        return removed;
    }

    private async Task<int> RemoveDueAsync(List<JobSummary> lines, CancellationToken cancellation)
    {
        var gone = new List<JobSummary>();
        // Judged by its submission first, which is earlier than its end: no receipt of a young job is read.
        foreach (var some in lines.Where(line => IsOver(line.Type, line.SubmittedAt)).Chunk(AtOnce))
        {
            var results = await Task.WhenAll(some.Select(line => RemoveAsync(line.Id, cancellation)));
            gone.AddRange(some.Zip(results).Where(pair => pair.Second).Select(pair => pair.First));
        }
        await index.RemoveAsync(gone, cancellation);
        return gone.Count;
    }

    /// <returns>Whether there is nothing left of the job.</returns>
    private async Task<bool> RemoveAsync(string jobId, CancellationToken cancellation)
    {
        if (await receipts.FindAsync(jobId, cancellation) is not { } receipt)
            return true;
        return IsDue(receipt) && await receipts.RemoveAsync(jobId, receipt.ETag, cancellation);
    }

    private bool IsDue(Receipt receipt) =>
        receipt.State.IsFinal()
        && (!receipt.IsDead || receipt.Discarded is not null || catalog.Find(receipt.Type)?.Retention is not null)
        && receipt.FinishedAt is { } finishedAt
        && IsOver(receipt.Type, receipt.NotBefore > finishedAt ? receipt.NotBefore.Value : finishedAt); // a cancelled job's message still comes at its time

    private bool IsOver(string type, DateTimeOffset since) => since + (catalog.Find(type)?.Retention ?? options.Value.Retention) < clock.GetUtcNow();

    [LoggerMessage(1550, LogLevel.Information, "Retention removed {Count} jobs that had ended")]
    private partial void LogRemoved(int count);
}
