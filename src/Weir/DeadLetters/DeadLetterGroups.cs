using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>
/// Dead letters by fingerprint: how many causes there are, and how many jobs each has cost. Of whole causes it is read as it is kept, some rows for each; what asks for a part of a cause (a tenant, a reason, a time) looks
/// at the entries one by one.
/// </summary>
internal sealed class DeadLetterGroups(DeadLetterTable catalogue)
{
    /// <summary>One request looks at no more than this many entries, or counts.</summary>
    public const int MaxScanned = 10_000;

    private const int MaxPages = 32;
    private const int MaxGroups = 200;

    private static readonly string[] Columns =
        [Column.Id, Column.DiedAt, Column.Reason, Column.Fingerprint, Column.Type, Column.State, Column.Foreign, Receipts.Receipt.Column.ErrorClass, Receipts.Receipt.Column.ErrorType, Receipts.Receipt.Column.ErrorMessage];

    /// <returns>The largest groups first.</returns>
    public async Task<DeadLetterGroupList> CountAsync(DeadLetterFilter filter, DeadLetterCursor? from, CancellationToken cancellation, TimeSpan? patience = null)
    {
        var (found, next) = filter.IsOfWholeCauses ? await KeptAsync(filter, from, cancellation) : await ScannedAsync(filter, from, patience, cancellation);
        var groups = new Dictionary<string, DeadLetterGroup>(StringComparer.Ordinal);
        var counted = 0;
        foreach (var one in found)
        {
            var fingerprint = one.Newest.Fingerprint;
            groups[fingerprint] = groups.TryGetValue(fingerprint, out var before) ? before.And(one) : one;
            counted += one.Count;
        }
        var largest = groups.Values.OrderByDescending(group => group.Open).ThenByDescending(group => group.Count).ThenBy(group => group.Newest.Fingerprint, StringComparer.Ordinal).Take(MaxGroups).ToArray();
        return new DeadLetterGroupList(largest, counted, Partial: next is not null || largest.Length < groups.Count, next);
    }

    private async Task<(IEnumerable<DeadLetterGroup> Groups, DeadLetterCursor? Next)> KeptAsync(DeadLetterFilter filter, DeadLetterCursor? from, CancellationToken cancellation)
    {
        var (counts, next) = await catalogue.ReadCountsAsync(filter, from, MaxScanned, MaxPages, cancellation);
        var groups = counts.Where(count => count.In(filter.State) > 0)
            .Select(count => new DeadLetterGroup(count.Newest, count.Oldest, count.In(filter.State), filter.State is null or DeadLetterState.Open ? count.Open : 0));
        return (groups, next);
    }

    private async Task<(IEnumerable<DeadLetterGroup> Groups, DeadLetterCursor? Next)> ScannedAsync(DeadLetterFilter filter, DeadLetterCursor? from, TimeSpan? patience, CancellationToken cancellation)
    {
        var scan = await catalogue.ScanAsync(filter, from, MaxScanned, MaxPages, Columns, cancellation, patience);
        return (scan.Found.Select(entry => new DeadLetterGroup(entry, entry.DiedAt, Count: 1, Open: entry.State == DeadLetterState.Open ? 1 : 0)), scan.Next);
    }
}

/// <param name="Newest">The example.</param>
/// <param name="Oldest">When the first of them died.</param>
/// <param name="Count">All of them.</param>
/// <param name="Open">Those that nobody has replayed or discarded.</param>
internal sealed record DeadLetterGroup(DeadLetter Newest, DateTimeOffset Oldest, int Count, int Open)
{
    public DeadLetterGroup And(DeadLetterGroup other) => new(
        other.Newest.DiedAt > Newest.DiedAt ? other.Newest : Newest, other.Oldest < Oldest ? other.Oldest : Oldest, Count + other.Count, Open + other.Open);
}

/// <param name="Groups">The largest first.</param>
/// <param name="Scanned">How many dead letters are in the groups' counts.</param>
/// <param name="Partial">There are more.</param>
/// <param name="Next">Where to go on.</param>
internal sealed record DeadLetterGroupList(IReadOnlyList<DeadLetterGroup> Groups, int Scanned, bool Partial, DeadLetterCursor? Next);
