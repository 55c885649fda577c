using System.Text.Json;
using Azure;
using Azure.Data.Tables;

namespace Weir.Instances;

/// <summary>The table Instances: a row for each process that runs jobs, renewed by itself, removed by itself when it stops politely.</summary>
internal sealed class InstanceTable(TableServiceClient tables) : IStoredTable
{
    private const string Partition = "instance";

    private readonly TableClient table = tables.GetTableClient("Instances");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public Task WriteAsync(InstanceRecord instance, CancellationToken cancellation) =>
        table.UpsertEntityAsync(instance.ToRow(Partition), TableUpdateMode.Replace, cancellation);

    public async Task<IReadOnlyList<InstanceRecord>> ReadAsync(CancellationToken cancellation)
    {
        var instances = new List<InstanceRecord>();
        await foreach (var row in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {Partition}"), cancellationToken: cancellation))
            instances.Add(InstanceRecord.Of(row));
        return instances;
    }

    /// <summary>Takes it on oneself to find what a dead instance has lost. False when another was quicker.</summary>
    public async Task<bool> AdoptAsync(InstanceRecord dead, DateTimeOffset until, CancellationToken cancellation)
    {
        try
        {
            await table.UpdateEntityAsync(new TableEntity(Partition, dead.Id) { [nameof(InstanceRecord.AdoptedUntil)] = until }, dead.ETag, TableUpdateMode.Merge, cancellation);
            return true;
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 412)
        {
            return false;
        }
    }

    public Task RemoveAsync(string id, CancellationToken cancellation) => table.DeleteEntityAsync(Partition, id, ETag.All, cancellation);
}

/// <param name="IndexedUntil">All that it did before this is in the list of jobs.</param>
/// <param name="Running">How many jobs it runs; <paramref name="Jobs"/> are the first hundred of them.</param>
internal sealed record InstanceRecord(string Id, string Version, DateTimeOffset StartedAt, DateTimeOffset SeenAt, DateTimeOffset IndexedUntil, int Running, IReadOnlyList<RunningJob> Jobs)
{
    public ETag ETag { get; private init; }

    public DateTimeOffset? AdoptedUntil { get; private init; }

    /// <summary>It is drained: it takes no job, and since then none runs.</summary>
    public DateTimeOffset? EmptySince { get; init; }

    public TableEntity ToRow(string partition)
    {
        var row = Row(partition);
        if (EmptySince is { } since)
            row[nameof(EmptySince)] = since;
        return row;
    }

    private TableEntity Row(string partition) => new(partition, Id)
    {
        [nameof(Version)] = Version,
        [nameof(StartedAt)] = StartedAt,
        [nameof(SeenAt)] = SeenAt,
        [nameof(IndexedUntil)] = IndexedUntil,
        [nameof(Running)] = Running,
        [nameof(Jobs)] = JsonSerializer.Serialize(Jobs),
    };

    public static InstanceRecord Of(TableEntity row) => new(
        row.RowKey, row.GetString(nameof(Version)) ?? "", row.GetDateTimeOffset(nameof(StartedAt)) ?? default, row.GetDateTimeOffset(nameof(SeenAt)) ?? default,
        row.GetDateTimeOffset(nameof(IndexedUntil)) ?? default, row.GetInt32(nameof(Running)) ?? 0,
        JsonSerializer.Deserialize<RunningJob[]>(row.GetString(nameof(Jobs)) ?? "[]") ?? [])
    {
        ETag = row.ETag,
        AdoptedUntil = row.GetDateTimeOffset(nameof(AdoptedUntil)),
        EmptySince = row.GetDateTimeOffset(nameof(EmptySince)),
    };
}

/// <summary>A job that an instance runs.</summary>
internal sealed record RunningJob(string Id, string Type, string Tenant, string Lane, int Attempt, DateTimeOffset StartedAt);
