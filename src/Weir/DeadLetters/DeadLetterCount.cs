using Azure;
using Azure.Data.Tables;
using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>
/// How many dead letters of a month have one cause, by what became of them. The row lies in the month's partition and is changed in one transaction with each entry, so that it is right whatever crashes, and
/// nothing has to be counted when somebody asks. A cause has a few such rows, which its entries share by their ids: many that die at once do not all wait for one row.
/// </summary>
/// <param name="Newest">The one that died last, with its present state and without its stack.</param>
/// <param name="Oldest">When the first of them died.</param>
internal sealed record DeadLetterCount(DeadLetter Newest, DateTimeOffset Oldest, int Open, int Replayed, int Discarded)
{
    /// <summary>Stands after every entry and before every count.</summary>
    public const string FirstRow = "cause-";

    /// <summary>Never fewer, or a count is no longer found.</summary>
    private const int Shards = 4;

    private const string AfterLastRow = "cause.";

    /// <summary>Null before it is written for the first time.</summary>
    public ETag? ETag { get; init; }

    public int Total => Open + Replayed + Discarded;

    public static DeadLetterKey KeyOf(DeadLetterKey entry, string fingerprint) => new(entry.Month, $"{FirstRow}{fingerprint}-{entry.Row[^1] % Shards}");

    /// <summary>The rows of one cause, or of all: the first, and what comes after the last.</summary>
    public static (string First, string End) RowsOf(string? fingerprint) => fingerprint is null ? (FirstRow, AfterLastRow) : ($"{FirstRow}{fingerprint}-", $"{FirstRow}{fingerprint}.");

    /// <summary>With one that has just died.</summary>
    public static DeadLetterCount With(DeadLetterCount? before, DeadLetter entry) => before is null
        ? new DeadLetterCount(entry, entry.DiedAt, Open: 1, Replayed: 0, Discarded: 0)
        : before with
        {
            Newest = entry.DiedAt >= before.Newest.DiedAt ? entry : before.Newest,
            Oldest = entry.DiedAt < before.Oldest ? entry.DiedAt : before.Oldest,
            Open = before.Open + 1,
        };

    public int In(DeadLetterState? state) => state switch
    {
        null => Total,
        DeadLetterState.Open => Open,
        DeadLetterState.Replayed => Replayed,
        _ => Discarded,
    };

    /// <summary>With one that an operator has done something to.</summary>
    public DeadLetterCount Moved(DeadLetterKey entry, DeadLetterState from, DeadLetterState to) => (this with { Newest = Newest.Key == entry ? Newest with { State = to } : Newest }).Plus(from, -1).Plus(to, 1);

    public TableEntity ToRow(DeadLetterKey key)
    {
        var row = new TableEntity(key.Month, key.Row)
        {
            [Column.Id] = Newest.Id,
            [Column.DiedAt] = Newest.DiedAt,
            [Column.Reason] = Newest.Reason,
            [Column.Fingerprint] = Newest.Fingerprint,
            [Column.Foreign] = Newest.Foreign,
            [Column.State] = Newest.State.ToString(),
            [nameof(Oldest)] = Oldest,
            [nameof(Open)] = Open,
            [nameof(Replayed)] = Replayed,
            [nameof(Discarded)] = Discarded,
        };
        if (Newest.Type is { } type)
            row[Column.Type] = type;
        (Newest.Error is { } error ? error with { Stack = null } : null)?.WriteTo(row);
        return row;
    }

    public static DeadLetterCount Of(TableEntity row) => new(
        DeadLetter.Of(row), row.GetDateTimeOffset(nameof(Oldest)) ?? default, row.GetInt32(nameof(Open)) ?? 0, row.GetInt32(nameof(Replayed)) ?? 0, row.GetInt32(nameof(Discarded)) ?? 0)
    {
        ETag = row.ETag,
    };

    private DeadLetterCount Plus(DeadLetterState state, int number) => state switch
    {
        DeadLetterState.Open => this with { Open = Open + number },
        DeadLetterState.Replayed => this with { Replayed = Replayed + number },
        _ => this with { Discarded = Discarded + number },
    };
}
