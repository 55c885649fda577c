using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>Counts dead letters by fingerprint: how many causes there are, and how many jobs each has cost.</summary>
internal sealed class DeadLetterGroups(DeadLetterTable catalogue)
{
    /// <summary>One request looks at no more than this many entries.</summary>
    public const int MaxScanned = 10_000;

    private const int MaxPages = 32;
    private const int MaxGroups = 200;

    private static readonly string[] Columns =
        [Column.Id, Column.DiedAt, Column.Reason, Column.Fingerprint, Column.Type, Column.State, Column.Foreign, Receipts.Receipt.Column.ErrorClass, Receipts.Receipt.Column.ErrorType, Receipts.Receipt.Column.ErrorMessage];

    /// <returns>The largest groups first.</returns>
    public async Task<DeadLetterGroupList> CountAsync(DeadLetterFilter filter, DeadLetterCursor? from, CancellationToken cancellation)
    {
        var groups = new Dictionary<string, DeadLetterGroup>(StringComparer.Ordinal);
        var scanned = 0;
        for (var pages = 0; pages < MaxPages; pages++)
        {
            var scan = await catalogue.ScanAsync(filter, from, Math.Min(1_000, MaxScanned - scanned), pages: 1, Columns, cancellation);
            foreach (var entry in scan.Found)
            {
                var one = groups.GetValueOrDefault(entry.Fingerprint) ?? new DeadLetterGroup(Newest: entry, Oldest: entry.DiedAt, Count: 0, Open: 0);
                groups[entry.Fingerprint] = one with { Oldest = entry.DiedAt, Count = one.Count + 1, Open = one.Open + (entry.State == DeadLetterState.Open ? 1 : 0) };
            }
            scanned += scan.Found.Count;
            from = scan.Next;
            if (from is null || scanned >= MaxScanned)
                break;
        }
        var largest = groups.Values.OrderByDescending(group => group.Open).ThenByDescending(group => group.Count).Take(MaxGroups).ToArray();
        return new DeadLetterGroupList(largest, scanned, Partial: from is not null || largest.Length < groups.Count, from);
    }
}

/// <param name="Newest">The example.</param>
/// <param name="Oldest">When the first of them died.</param>
/// <param name="Count">All of them.</param>
/// <param name="Open">Those that nobody has replayed or discarded.</param>
internal sealed record DeadLetterGroup(DeadLetter Newest, DateTimeOffset Oldest, int Count, int Open);

/// <param name="Groups">The largest first.</param>
/// <param name="Scanned">How many entries were looked at.</param>
/// <param name="Partial">There are more.</param>
/// <param name="Next">Where to go on.</param>
internal sealed record DeadLetterGroupList(IReadOnlyList<DeadLetterGroup> Groups, int Scanned, bool Partial, DeadLetterCursor? Next);
