using Azure.Data.Tables;
using static Weir.DeadLetters.DeadLetter;

namespace Weir.DeadLetters;

/// <summary>Which dead letters are meant; all of those fields that are given must fit.</summary>
internal sealed record DeadLetterFilter
{
    public string? Type { get; init; }

    public string? Fingerprint { get; init; }

    public string? Reason { get; init; }

    public string? Tenant { get; init; }

    public DeadLetterState? State { get; init; }

    /// <summary>Died then or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Died before.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Nothing is asked for, so everything fits.</summary>
    public bool IsEmpty => this == new DeadLetterFilter();

    /// <summary>What it asks for is the same for all dead letters of a cause, but for what became of them: then it is answered from what is counted, and none is looked at.</summary>
    public bool IsOfWholeCauses => this is { Reason: null, Tenant: null, From: null, To: null };

    /// <summary>As Table storage understands it, for the entries of one month: their keys are digits, the counts' begin with a letter.</summary>
    public string ToQuery(string month)
    {
        var parts = new List<string> { TableClient.CreateQueryFilter($"PartitionKey eq {month} and RowKey lt {DeadLetterCount.FirstRow}") };
        // The key begins with the inverted time: one tick later in time is one less in the key.
        if (To is { } to)
            parts.Add(TableClient.CreateQueryFilter($"RowKey ge {DeadLetterKey.Inverted(to.AddTicks(-1))}"));
        if (From is { } from)
            parts.Add(TableClient.CreateQueryFilter($"RowKey lt {DeadLetterKey.Inverted(from.AddTicks(-1))}"));
        Equal(Column.Type, Type);
        Equal(Column.Fingerprint, Fingerprint);
        Equal(Column.Reason, Reason);
        Equal(Column.Tenant, Tenant);
        Equal(Column.State, State?.ToString());
        return string.Join(" and ", parts);

        void Equal(string column, string? value)
        {
            if (value is not null)
                parts.Add($"{column} eq {TableClient.CreateQueryFilter($"{value}")}");
        }
    }

    /// <summary>As Table storage understands it, for the counts of one month.</summary>
    public string ToCountQuery(string month)
    {
        var (first, end) = DeadLetterCount.RowsOf(Fingerprint);
        var query = TableClient.CreateQueryFilter($"PartitionKey eq {month} and RowKey ge {first} and RowKey lt {end}");
        return Type is null ? query : $"{query} and {Column.Type} eq {TableClient.CreateQueryFilter($"{Type}")}";
    }
}
