using System.Globalization;
using Azure;
using Azure.Data.Tables;

namespace Weir.Controls;

/// <summary>What became of a change that is on record.</summary>
internal enum AuditOutcome
{
    /// <summary>It was asked for; whether it was done was never said, since the process died.</summary>
    Asked,
    Done,
    Refused,
}

/// <summary>One change of a control: who did what, and why.</summary>
/// <param name="Action">put, removed, ended.</param>
/// <param name="Detail">What it says, as JSON.</param>
/// <param name="Tenant">Whose, where it concerns one tenant only.</param>
internal sealed record AuditEntry(DateTimeOffset At, string By, string Action, string Kind, string Name, string Reason, string? Detail, string? Tenant)
{
    public string Id { get; init; } = "";

    public AuditOutcome Outcome { get; init; }

    public static AuditEntry Of(Control control, DateTimeOffset at, string action, string by, string reason) => new(
        at, by, action, Control.PartitionOf(control.Kind), control.Name, reason, control.Detail, control.Kind == ControlKind.Tenant ? control.Name : null);
}

/// <summary>
/// The table Audit: every change of a control, a partition for each month, the newest first. Written before the change takes effect, so that nothing takes effect
/// without being on record, and marked after it.
/// </summary>
internal sealed class AuditTable(TableServiceClient tables, Random chance) : IStoredTable
{
    private const long LastTick = 3_155_378_975_999_999_999; // of the year 9999

    private readonly TableClient table = tables.GetTableClient("Audit");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <returns>The entry's id.</returns>
    public async Task<string> AddAsync(AuditEntry entry, CancellationToken cancellation)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{entry.At.UtcDateTime:yyyyMM}-{LastTick - entry.At.UtcTicks:D19}-{chance.Next(0x1000000):x6}");
        var row = new TableEntity(PartitionOf(id), RowOf(id))
        {
            [nameof(entry.At)] = entry.At,
            [nameof(entry.By)] = entry.By,
            [nameof(entry.Action)] = entry.Action,
            [nameof(entry.Kind)] = entry.Kind,
            [nameof(entry.Name)] = entry.Name,
            [nameof(entry.Reason)] = entry.Reason,
            [nameof(entry.Outcome)] = entry.Outcome.ToString(),
        };
        if (entry.Detail is not null)
            row[nameof(entry.Detail)] = entry.Detail;
        if (entry.Tenant is not null)
            row[nameof(entry.Tenant)] = entry.Tenant;
        await table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellation);
        return id;
    }

    public Task MarkAsync(string id, AuditOutcome outcome, CancellationToken cancellation) =>
        table.UpdateEntityAsync(new TableEntity(PartitionOf(id), RowOf(id)) { [nameof(AuditEntry.Outcome)] = outcome.ToString() }, ETag.All, TableUpdateMode.Merge, cancellation);

    /// <summary>The newest entries after one, of a month and those before it.</summary>
    /// <param name="after">An entry's id; null for the newest.</param>
    /// <param name="most">How many.</param>
    /// <param name="tenant">Only what concerns this tenant alone; null is everything.</param>
    /// <param name="now">Begins with this month.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Fewer than asked for only at the end.</returns>
    public async Task<IReadOnlyList<AuditEntry>> ReadAsync(string? after, int most, string? tenant, DateTimeOffset now, CancellationToken cancellation)
    {
        var found = new List<AuditEntry>(most);
        string? month = after is null ? await NewestMonthAsync(now, cancellation) : PartitionOf(after);
        for (var from = after is null ? "" : RowOf(after); month is not null && found.Count < most; from = "")
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {month} and RowKey gt {from}") + (tenant is null ? "" : TableClient.CreateQueryFilter($" and Tenant eq {tenant}"));
            await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation))
            {
                found.Add(Of(row));
                if (found.Count == most)
                    return found;
            }
            month = await MonthBeforeAsync(month, cancellation);
        }
        return found;
    }

    /// <summary>A clock that is ahead of this one may have written into the next month.</summary>
    private Task<string?> NewestMonthAsync(DateTimeOffset now, CancellationToken cancellation) => MonthBeforeAsync(now.UtcDateTime.AddMonths(2).ToString("yyyyMM", CultureInfo.InvariantCulture), cancellation);

    /// <summary>The month before that has an entry; a year without any is the end.</summary>
    private async Task<string?> MonthBeforeAsync(string month, CancellationToken cancellation)
    {
        var first = DateTime.ParseExact(month, "yyyyMM", CultureInfo.InvariantCulture);
        for (var back = 1; back <= 12; back++)
        {
            var candidate = first.AddMonths(-back).ToString("yyyyMM", CultureInfo.InvariantCulture);
            await foreach (var _ in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {candidate}"), maxPerPage: 1, select: ["PartitionKey"], cancellationToken: cancellation))
                return candidate;
        }
        return null;
    }

    private static AuditEntry Of(TableEntity row) => new(
        row.GetDateTimeOffset(nameof(AuditEntry.At)) ?? default, row.GetString(nameof(AuditEntry.By)) ?? "", row.GetString(nameof(AuditEntry.Action)) ?? "", row.GetString(nameof(AuditEntry.Kind)) ?? "",
        row.GetString(nameof(AuditEntry.Name)) ?? "", row.GetString(nameof(AuditEntry.Reason)) ?? "", row.GetString(nameof(AuditEntry.Detail)), row.GetString(nameof(AuditEntry.Tenant)))
    {
        Id = $"{row.PartitionKey}-{row.RowKey}",
        Outcome = Enum.TryParse<AuditOutcome>(row.GetString(nameof(AuditEntry.Outcome)), out var outcome) ? outcome : AuditOutcome.Asked,
    };

    private static string PartitionOf(string id) => id[..6];

    private static string RowOf(string id) => id[7..];
}
