using Azure;
using Azure.Data.Tables;
using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>
/// The table DeadLetters: the catalogue. An entry has two writers, the collector and an operator's replay or discard, and each writes columns
/// of its own, so that either may write again after a crash and undoes nothing of the other's. Beside the entries of a month lie the counts of
/// its causes (<see cref="DeadLetterCount"/>), each changed in one transaction with an entry.
/// </summary>
internal sealed partial class DeadLetterTable(TableServiceClient tables, TimeProvider clock, Random chance) : IStoredTable
{
    private const string Name = "DeadLetters";

    /// <summary>Another instance's clock may be ahead, at the turn of a month too.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    /// <summary>The most that Table storage gives at once.</summary>
    private const int MaxPage = 1_000;

    private readonly TableClient table = tables.GetTableClient(Name);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public async Task<DeadLetter?> FindAsync(DeadLetterKey key, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(key.Month, key.Row, cancellationToken: cancellation);
        return answer.HasValue ? Of(answer.Value!) : null;
    }

    /// <summary>Looks for entries, newest first, for as long as the pages last.</summary>
    /// <param name="filter">What must fit.</param>
    /// <param name="from">Where an earlier scan stopped; null to begin.</param>
    /// <param name="most">How many are wanted.</param>
    /// <param name="pages">How many pages may be fetched, full or empty; 1 or more.</param>
    /// <param name="columns">What is to be read of each; null for everything.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="patience">After this much time it is as if the pages were at their end: for somebody who looks at the answer.</param>
    /// <exception cref="UnknownCursorException">The cursor is none of this table's.</exception>
    public async Task<DeadLetterScan> ScanAsync(
        DeadLetterFilter filter, DeadLetterCursor? from, int most, int pages, IReadOnlyList<string>? columns, CancellationToken cancellation, TimeSpan? patience = null)
    {
        var (rows, next) = await WalkAsync(filter, filter.ToQuery, from, most, pages, columns, patience, cancellation);
        return new DeadLetterScan([.. rows.Select(Of)], next);
    }

    /// <summary>The counts that are kept of each cause, of the newest month first: several for a cause.</summary>
    /// <param name="filter">One that <see cref="DeadLetterFilter.IsOfWholeCauses"/>.</param>
    /// <param name="from">Where an earlier answer stopped; null to begin.</param>
    /// <param name="most">How many rows are wanted.</param>
    /// <param name="pages">How many pages may be fetched, full or empty; 1 or more.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="UnknownCursorException">The cursor is none of this table's.</exception>
    public async Task<(IReadOnlyList<DeadLetterCount> Counts, DeadLetterCursor? Next)> ReadCountsAsync(DeadLetterFilter filter, DeadLetterCursor? from, int most, int pages, CancellationToken cancellation)
    {
        var (rows, next) = await WalkAsync(filter, filter.ToCountQuery, from, most, pages, columns: null, patience: null, cancellation);
        return ([.. rows.Select(DeadLetterCount.Of)], next);
    }

    /// <summary>Months from the newest back, for as long as the pages last.</summary>
    private async Task<(List<TableEntity> Rows, DeadLetterCursor? Next)> WalkAsync(
        DeadLetterFilter filter, Func<string, string> query, DeadLetterCursor? from, int most, int pages, IReadOnlyList<string>? columns, TimeSpan? patience, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        var found = new List<TableEntity>();
        var month = from?.Month ?? DeadLetterKey.MonthOf(filter.To ?? clock.GetUtcNow() + ClockSkew);
        var token = from?.Token;
        string? oldest = null;
        for (; pages > 0; pages--)
        {
            var page = await FirstPageAsync(query(month), token, Math.Min(MaxPage, most - found.Count), columns, cancellation);
            found.AddRange(page.Values);
            token = page.ContinuationToken;
            if (token is null)
            {
                oldest ??= filter.From is { } time ? DeadLetterKey.MonthOf(time) : await OldestMonthAsync(cancellation);
                if (string.CompareOrdinal(month, oldest) <= 0 || DeadLetterKey.MonthBefore(month) is not { } before)
                    return (found, null);
                month = before;
            }
            if (found.Count >= most || clock.GetElapsedTime(began) > patience)
                break;
        }
        return (found, new DeadLetterCursor(month, token));
    }

    private async Task<Page<TableEntity>> FirstPageAsync(string query, string? token, int size, IReadOnlyList<string>? columns, CancellationToken cancellation)
    {
        try
        {
            await foreach (var page in table.QueryAsync<TableEntity>(query, size, columns, cancellation).AsPages(token, size))
                return page;
        }
        catch (RequestFailedException refused) when (refused.Status == 400 && token is not null)
        {
            throw new UnknownCursorException();
        }
        throw new InvalidDataException("Table storage answered a query without a page.");
    }

    /// <summary>The first month that has an entry: partitions are in ascending order. This very moment's when there is none.</summary>
    private async Task<string> OldestMonthAsync(CancellationToken cancellation)
    {
        await foreach (var row in table.QueryAsync<TableEntity>(maxPerPage: 1, select: ["PartitionKey"], cancellationToken: cancellation))
            return row.PartitionKey;
        return DeadLetterKey.MonthOf(clock.GetUtcNow() + ClockSkew);
    }
}

/// <summary>A cursor that looks like one, and that Table storage does not know.</summary>
internal sealed class UnknownCursorException() : Exception("Table storage does not know this cursor.");

/// <param name="Found">Newest first.</param>
/// <param name="Next">Where to go on; null when there is nothing more.</param>
internal sealed record DeadLetterScan(IReadOnlyList<DeadLetter> Found, DeadLetterCursor? Next);

/// <summary>A place in the catalogue to go on from: a month, and Table storage's own word for a place in it.</summary>
internal sealed record DeadLetterCursor(string Month, string? Token)
{
    private const int MaxLength = 4_096;

    public override string ToString() => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($"{Month} {Token}"));

    /// <summary>False for a text that no scan has given out.</summary>
    public static bool TryParse(string text, out DeadLetterCursor? cursor)
    {
        cursor = null;
        if (text.Length > MaxLength || !System.Buffers.Text.Base64Url.IsValid(text))
            return false;
        var plain = System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(text));
        if (plain.IndexOf(' ', StringComparison.Ordinal) is var space && (space < 0 || !DeadLetterKey.IsMonth(plain[..space])))
            return false;
        cursor = new DeadLetterCursor(plain[..space], plain.Length == space + 1 ? null : plain[(space + 1)..]);
        return true;
    }
}
