using System.Globalization;
using Azure;
using Azure.Data.Tables;

namespace Weir.Schedules;

/// <summary>
/// The table Schedules. A schedule is a row by its name, and, while something will be due, a second one that sorts by when. Both are written in one transaction, for which they share
/// a partition with all others: Azure takes some 2,000 rows a second there, this writes three for each occurrence.
/// </summary>
internal sealed class ScheduleTable(TableServiceClient tables) : IStoredTable
{
    private const string Partition = "schedule";
    private const string NamePrefix = "name~";
    private const string DuePrefix = "due~";
    private const string By = "By";

    private readonly TableClient table = tables.GetTableClient("Schedules");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public async Task<Schedule?> FindAsync(string tenant, string name, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Partition, NameKey(tenant, name), cancellationToken: cancellation);
        return answer.HasValue ? ScheduleRow.Read(answer.Value!) : null;
    }

    /// <summary>The schedules of a tenant (null is all), by name, a page at a time.</summary>
    public async Task<(IReadOnlyList<Schedule> Schedules, string? Next)> ListAsync(string? tenant, string? after, int most, CancellationToken cancellation)
    {
        var prefix = PrefixOf(tenant);
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey gt {after ?? prefix} and RowKey lt {prefix + "~"}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation).AsPages())
            return ([.. page.Values.Select(ScheduleRow.Read)], page.ContinuationToken is null || page.Values.Count == 0 ? null : page.Values[^1].RowKey);
        return ([], null);
    }

    /// <summary>Whether a list of the tenant's schedules can go on there: elsewhere lie those of others.</summary>
    public static bool IsWithin(string after, string? tenant) => after.StartsWith(PrefixOf(tenant), StringComparison.Ordinal);

    /// <summary>What is to be looked at until a moment, the earliest first, a page of it.</summary>
    public async Task<IReadOnlyList<DueSchedule>> DueUntilAsync(DateTimeOffset until, int most, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition} and RowKey ge {DuePrefix} and RowKey lt {DuePrefix + Ticks(until.AddTicks(1))}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: most, cancellationToken: cancellation).AsPages())
            return [.. page.Values.Select(Due)];
        return [];
    }

    /// <summary>Writes a schedule if it is still as it was read, or still not there; null when somebody else has written it since.</summary>
    /// <param name="before">As it was read; null for a new one.</param>
    /// <param name="after">As it is to be.</param>
    /// <param name="instance">Who fires it next, unless he is late.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<Schedule?> WriteAsync(Schedule? before, Schedule after, string instance, CancellationToken cancellation)
    {
        var row = ScheduleRow.Write(after, new TableEntity(Partition, NameKey(after.Tenant, after.Name)));
        var actions = new List<TableTransactionAction>
        {
            before is null ? new(TableTransactionActionType.Add, row) : new(TableTransactionActionType.UpdateReplace, row, before.ETag!.Value),
        };
        if (after.DueAt is { } due)
            actions.Add(new(TableTransactionActionType.UpsertReplace, new TableEntity(Partition, DueKey(due, after)) { [By] = instance }));
        if (before?.DueAt is { } old && old != after.DueAt)
            actions.Add(new(TableTransactionActionType.Delete, new TableEntity(Partition, DueKey(old, before)), ETag.All));
        return await SubmitAsync(actions, cancellation) is { } etag ? after with { ETag = etag } : null;
    }

    /// <summary>False when somebody else has written it since.</summary>
    public async Task<bool> RemoveAsync(Schedule schedule, CancellationToken cancellation)
    {
        var actions = new List<TableTransactionAction> { new(TableTransactionActionType.Delete, new TableEntity(Partition, NameKey(schedule.Tenant, schedule.Name)), schedule.ETag!.Value) };
        if (schedule.DueAt is { } due)
            actions.Add(new(TableTransactionActionType.Delete, new TableEntity(Partition, DueKey(due, schedule)), ETag.All));
        try
        {
            await table.SubmitTransactionAsync(actions, cancellation);
            return true;
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 412)
        {
            return false;
        }
    }

    private async Task<ETag?> SubmitAsync(List<TableTransactionAction> actions, CancellationToken cancellation)
    {
        try
        {
            var answers = await table.SubmitTransactionAsync(actions, cancellation);
            return answers.Value[0].Headers.ETag ?? throw new InvalidDataException("Table storage answered a write without an ETag.");
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    private static DueSchedule Due(TableEntity row)
    {
        var parts = row.RowKey.Split('~');
        return new DueSchedule(new DateTimeOffset(long.Parse(parts[1], CultureInfo.InvariantCulture), TimeSpan.Zero), parts[2], parts[3], row.GetString(By) ?? "");
    }

    private static string PrefixOf(string? tenant) => tenant is null ? NamePrefix : $"{NamePrefix}{tenant}~";

    // A tilde sorts after everything that a tenant or a name may hold.
    private static string NameKey(string tenant, string name) => $"{NamePrefix}{tenant}~{name}";

    private static string DueKey(DateTimeOffset due, Schedule schedule) => $"{DuePrefix}{Ticks(due)}~{schedule.Tenant}~{schedule.Name}";

    private static string Ticks(DateTimeOffset time) => time.UtcTicks.ToString("D19", CultureInfo.InvariantCulture);
}

/// <param name="By">The instance that wrote it last, and so comes first.</param>
internal sealed record DueSchedule(DateTimeOffset At, string Tenant, string Name, string By);
