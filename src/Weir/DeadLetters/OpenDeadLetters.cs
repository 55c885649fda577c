using Microsoft.Extensions.Logging;
using Weir.Catalog;
using Weir.Telemetry;

namespace Weir.DeadLetters;

/// <summary>
/// How many dead letters wait for somebody, by type, for the metrics. Counted each five minutes by the instance whose turn it is to reconcile, in a query a month that has any; the others tell nothing.
/// </summary>
internal sealed partial class OpenDeadLetters(DeadLetterTable catalogue, JobCatalog types, TimeProvider clock, ILogger<OpenDeadLetters> logger)
{
    private const int MaxRows = 10_000;
    private const int MaxPages = 64;

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(5);
    private static readonly DeadLetterFilter All = new() { State = DeadLetterState.Open };

    private DateTimeOffset? lookedAt;

    /// <summary>Empty while it is another instance's turn. A type stays, with none, when its last one is handled.</summary>
    public IReadOnlyDictionary<string, long> ByType { get; private set; } = new Dictionary<string, long>();

    /// <summary>Counts them if it is time to. Throws nothing but on a stop.</summary>
    /// <param name="isOurTurn">False: another instance tells.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task CountAsync(bool isOurTurn, CancellationToken cancellation)
    {
        if (!isOurTurn)
        {
            (ByType, lookedAt) = (new Dictionary<string, long>(), null);
            return;
        }
        if (lookedAt + Every > clock.GetUtcNow())
            return;
        lookedAt = clock.GetUtcNow();
        try
        {
            var (counts, _) = await catalogue.ReadCountsAsync(All, from: null, MaxRows, MaxPages, cancellation);
            var open = ByType.Keys.ToDictionary(type => type, _ => 0L, StringComparer.Ordinal);
            foreach (var count in counts)
            {
                var type = NameOf(count.Newest);
                open[type] = open.GetValueOrDefault(type) + count.Open;
            }
            ByType = open;
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested)
        {
            LogNotCounted(failure);
        }
    }

    /// <summary>A message that is none of ours has any text as its type.</summary>
    private string NameOf(DeadLetter entry) => !entry.Foreign && entry.Type is { } type && types.Find(type) is not null ? type : BoundedNames.Other;

    [LoggerMessage(1215, LogLevel.Warning, "The dead letters that wait could not be counted; the metric tells the number before")]
    private partial void LogNotCounted(Exception failure);
}
