using Microsoft.Extensions.Logging;
using Weir.Receipts;

namespace Weir.Index;

/// <summary>
/// Finds the jobs whose lines went down with an instance: those whose receipts changed in its last moments. There is no index by time of change, so this
/// reads through all receipts, a thousand to an operation; it happens once for each crash, and never otherwise.
/// </summary>
internal sealed partial class LostLines(ReceiptTable receipts, JobIndex index, ILogger<LostLines> logger)
{
    /// <summary>Between the change of a receipt and its line lies what follows a job's end; and clocks differ.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    private const int BetweenFlushes = 1_000;

    /// <summary>Writes a line again for each job that changed between two moments. Throws when a store is away: then it is to be done again.</summary>
    public async Task FindAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken cancellation)
    {
        var found = 0;
        await foreach (var receipt in receipts.ChangedAsync(from - Margin, to + Margin, cancellation))
        {
            index.Put(JobSummary.Of(receipt)); // a line that knows better keeps what it says
            if (++found % BetweenFlushes == 0)
                await FlushAsync(cancellation);
        }
        await FlushAsync(cancellation);
        LogFound(found, from, to);
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        if (!await index.FlushAsync(cancellation))
            throw new TimeoutException("The list of jobs takes no writes now.");
    }

    [LoggerMessage(1531, LogLevel.Information, "{Count} jobs that changed between {From:O} and {To:O} were written to the list again")]
    private partial void LogFound(int count, DateTimeOffset from, DateTimeOffset to);
}
