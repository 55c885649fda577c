using Azure.Data.Tables;
using Weir.Index;

namespace Weir.Reconciliation;

/// <summary>What was not as it should be.</summary>
internal enum FindingKind
{
    /// <summary>A job that is not final had no message.</summary>
    MessageMissing,

    /// <summary>A dead job is not in the catalogue of dead letters, and no message is on its way there.</summary>
    DeadLetterMissing,

    /// <summary>A job has ended, and what follows its end was cut off.</summary>
    EndingCutOff,

    /// <summary>The row of a unique key does not name a job that relies on it.</summary>
    UniqueKeyLost,

    /// <summary>A receipt cannot be read.</summary>
    Unreadable,

    /// <summary>There are more messages than can be looked through.</summary>
    NotChecked,

    /// <summary>A job that was sent through a queue to see whether it works did not succeed, twice in a row.</summary>
    SyntheticCheckFailed,
}

/// <summary>What was done about it.</summary>
internal enum FindingRepair
{
    /// <summary>Nothing: an operator has to look.</summary>
    None,

    /// <summary>Its message was sent once more.</summary>
    Resent,

    /// <summary>It has its place at the unique key again.</summary>
    Placed,

    /// <summary>It was cancelled, since another job has taken its unique key.</summary>
    Superseded,
}

/// <summary>One thing that the reconciler came upon.</summary>
/// <param name="JobId">Null when it concerns no single job.</param>
/// <param name="Detail">In words.</param>
internal sealed record Finding(FindingKind Kind, FindingRepair Repair, string? JobId, string? Type, string? Tenant, DateTimeOffset At, string Detail)
{
    public const string Partition = "finding";

    /// <summary>What nobody can repair is found in each pass again: that is one finding an hour.</summary>
    public string Row => $"{IndexKey.At(Repair == FindingRepair.None ? IndexKey.HourOf(At) : At)}-{JobId ?? Kind.ToString()}";

    public TableEntity ToRow() => new(Partition, Row)
    {
        [nameof(Kind)] = Kind.ToString(),
        [nameof(Repair)] = Repair.ToString(),
        [nameof(JobId)] = JobId ?? "",
        [nameof(Type)] = Type ?? "",
        [nameof(Tenant)] = Tenant ?? "",
        [nameof(At)] = At,
        [nameof(Detail)] = Detail,
    };

    public static Finding Of(TableEntity row) => new(
        Enum.Parse<FindingKind>(row.GetString(nameof(Kind)) ?? ""), Enum.Parse<FindingRepair>(row.GetString(nameof(Repair)) ?? ""),
        Text(row, nameof(JobId)), Text(row, nameof(Type)), Text(row, nameof(Tenant)),
        row.GetDateTimeOffset(nameof(At)) ?? default, row.GetString(nameof(Detail)) ?? "");

    private static string? Text(TableEntity row, string column) => row.GetString(column) is { Length: > 0 } text ? text : null;
}
