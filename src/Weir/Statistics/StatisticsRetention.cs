using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Weir.Statistics;

/// <summary>The settings under <c>Weir:Statistics</c>.</summary>
internal sealed class StatisticsOptions
{
    public const string Section = "Weir:Statistics";

    /// <summary>How many days the rows are kept. 1 to 400, default 8: a week, and the same day of the week before.</summary>
    [Range(1, 400)]
    public int Days { get; set; } = 8;
}

/// <summary>Removes the rows of days that are long over; each hour, by whichever instance looks for what retention removes.</summary>
internal sealed class StatisticsRetention(StatisticsTable table, IOptions<StatisticsOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromHours(1);

    /// <summary>Of 100 rows each: 5,000 a minute is what 800 busy instances write.</summary>
    private const int TransactionsInRun = 50;

    private DateTimeOffset next;

    public async Task RunAsync(CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        if (now < next)
            return;
        if (!await table.RemoveBeforeAsync(now.AddDays(-options.Value.Days), TransactionsInRun, cancellation))
            next = now + Pause;
    }
}
