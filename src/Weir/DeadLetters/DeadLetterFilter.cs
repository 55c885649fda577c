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

    /// <summary>As Table storage understands it, for one month.</summary>
    public string ToQuery(string month)
    {
        var parts = new List<string> { TableClient.CreateQueryFilter($"PartitionKey eq {month}") };
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
}
