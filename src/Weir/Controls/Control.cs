using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Weir.Retries;

namespace Weir.Controls;

/// <summary>What a control acts on. Each is a partition of the table, in camelCase.</summary>
internal enum ControlKind
{
    /// <summary>Pauses a queue.</summary>
    Queue,

    /// <summary>Pauses a job type.</summary>
    Type,

    /// <summary>Pauses a tenant.</summary>
    Tenant,

    /// <summary>Pauses a schedule. Kept with the schedule itself, and only asked for here.</summary>
    Schedule,

    /// <summary>Gives a job type another retry policy.</summary>
    Policy,

    /// <summary>Switches on what handlers ask for by name.</summary>
    Feature,

    /// <summary>Drains an instance.</summary>
    Instance,

    /// <summary>Says whether Weir itself may pause a queue.</summary>
    Automatic,
}

/// <summary>By what a percentage chooses.</summary>
internal enum Spread
{
    Job,
    Tenant,
}

/// <summary>One of an operator's switches that is on: who set it, why, since when, and when it ends by itself.</summary>
internal sealed record Control(ControlKind Kind, string Name, string By, string Reason, DateTimeOffset Since, DateTimeOffset? Until)
{
    public ETag ETag { get; init; }

    /// <summary>Of which jobs, or tenants, a policy or a feature is true.</summary>
    public double Percentage { get; init; } = 100;

    public Spread Spread { get; init; }

    /// <summary>The policy that its type's jobs have, by name or by figures.</summary>
    public string? PolicyName { get; init; }

    public RetryPolicy? Policy { get; init; }

    /// <summary>Of <see cref="ControlKind.Automatic"/>: whether it may.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Weir set it by itself, and takes it back by itself.</summary>
    public bool IsAutomatic { get; init; }

    public bool IsPause => Kind is ControlKind.Queue or ControlKind.Type or ControlKind.Tenant;

    /// <summary>What it says beside who and why, for the record; null when that is all.</summary>
    public string? Detail => Kind switch
    {
        ControlKind.Policy => $"{PolicyName ?? JsonSerializer.Serialize(Policy)} for {Percentage:0.###} %",
        ControlKind.Feature => $"{Percentage:0.###} % by {(Spread == Spread.Tenant ? "tenant" : "job")}",
        ControlKind.Automatic => Enabled ? "on" : "off",
        _ => Until is null ? null : $"until {Until:O}",
    };

    public bool IsInForce(DateTimeOffset now) => !(Until <= now);

    public static string PartitionOf(ControlKind kind) => JsonNamingPolicy.CamelCase.ConvertName(kind.ToString());

    /// <summary>At the beginning of a sentence.</summary>
    public static string NameOf(ControlKind kind) => kind switch
    {
        ControlKind.Queue => "The queue",
        ControlKind.Type => "The job type",
        ControlKind.Tenant => "The tenant",
        _ => kind.ToString(),
    };

    /// <summary>Null for a kind that a newer build knows.</summary>
    public static ControlKind? KindOf(string partition)
    {
        foreach (var kind in Enum.GetValues<ControlKind>())
        {
            if (PartitionOf(kind) == partition)
                return kind;
        }
        return null;
    }

    public TableEntity ToRow()
    {
        var row = new TableEntity(PartitionOf(Kind), Name) { [nameof(By)] = By, [nameof(Reason)] = Reason, [nameof(Since)] = Since, [nameof(Percentage)] = Percentage, [nameof(Enabled)] = Enabled };
        if (Until is { } until)
            row[nameof(Until)] = until;
        if (Spread != Spread.Job)
            row[nameof(Spread)] = Spread.ToString();
        if (PolicyName is not null)
            row[nameof(PolicyName)] = PolicyName;
        if (Policy is not null)
            row[nameof(Policy)] = JsonSerializer.Serialize(Policy);
        if (IsAutomatic)
            row[nameof(IsAutomatic)] = true;
        return row;
    }

    public static Control Of(ControlKind kind, TableEntity row) => new(
        kind, row.RowKey, row.GetString(nameof(By)) ?? "", row.GetString(nameof(Reason)) ?? "", row.GetDateTimeOffset(nameof(Since)) ?? default, row.GetDateTimeOffset(nameof(Until)))
    {
        ETag = row.ETag,
        Percentage = row.GetDouble(nameof(Percentage)) ?? 100,
        Spread = row.GetString(nameof(Spread)) == nameof(Spread.Tenant) ? Spread.Tenant : Spread.Job,
        PolicyName = row.GetString(nameof(PolicyName)),
        Policy = row.GetString(nameof(Policy)) is { } figures ? JsonSerializer.Deserialize<RetryPolicy>(figures) : null,
        Enabled = row.GetBoolean(nameof(Enabled)) ?? true,
        IsAutomatic = row.GetBoolean(nameof(IsAutomatic)) ?? false,
    };
}
