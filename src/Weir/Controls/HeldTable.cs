using System.Globalization;
using Azure;
using Azure.Data.Tables;
using Weir.Lanes;

namespace Weir.Controls;

/// <summary>
/// The table Held: where the jobs are that a control holds. A partition for each control, a row for each job, the one that was submitted first first. Written after
/// the job is held and before its message is settled; removed, if nobody has written it again, after the job is released.
/// </summary>
internal sealed class HeldTable(TableServiceClient tables) : IStoredTable
{
    /// <summary>What a transaction takes.</summary>
    public const int PageSize = 100;

    private readonly TableClient table = tables.GetTableClient("Held");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public Task AddAsync(Control control, JobMessage message, CancellationToken cancellation) =>
        table.UpsertEntityAsync(new TableEntity(PartitionOf(control.Kind, control.Name), RowOf(message)), TableUpdateMode.Replace, cancellation);

    /// <summary>The first partition after one that has jobs, as a kind and a name; null at the end.</summary>
    public async Task<HeldGroup?> NextGroupAsync(HeldGroup? after, CancellationToken cancellation)
    {
        var filter = after is null ? null : TableClient.CreateQueryFilter($"PartitionKey gt {after.Partition}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, maxPerPage: 1, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation))
            return new HeldGroup(row.PartitionKey);
        return null;
    }

    public async Task<IReadOnlyList<HeldJob>> ReadAsync(HeldGroup group, string after, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {group.Partition} and RowKey gt {after}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: PageSize, cancellationToken: cancellation).AsPages())
            return [.. page.Values.Select(row => new HeldJob(row.RowKey, row.ETag))];
        return [];
    }

    /// <summary>Removes the rows of jobs that were released; one that was written again since stays, since its job is held again.</summary>
    public async Task RemoveAsync(HeldGroup group, IReadOnlyList<HeldJob> jobs, CancellationToken cancellation)
    {
        try
        {
            await table.SubmitTransactionAsync(jobs.Select(job => new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(group.Partition, job.Row), job.ETag)), cancellation);
        }
        catch (TableTransactionFailedException changed) when (changed.Status is 404 or 412)
        {
            foreach (var job in jobs)
                await RemoveAsync(group, job, cancellation);
        }
    }

    private async Task RemoveAsync(HeldGroup group, HeldJob job, CancellationToken cancellation)
    {
        try
        {
            await table.DeleteEntityAsync(group.Partition, job.Row, job.ETag, cancellation);
        }
        catch (RequestFailedException again) when (again.Status is 404 or 412)
        {
            // Held again, or gone.
        }
    }

    private static string PartitionOf(ControlKind kind, string name) => $"{Control.PartitionOf(kind)}.{name}";

    private static string RowOf(JobMessage message) => string.Create(CultureInfo.InvariantCulture, $"{message.SubmittedAt?.UtcTicks ?? 0:D19}-{message.JobId}");
}

/// <summary>The jobs that one control holds.</summary>
internal sealed record HeldGroup(string Partition)
{
    /// <summary>Null for a kind that a newer build knows: nothing of it is touched.</summary>
    public (ControlKind Kind, string Name)? Control =>
        Partition.IndexOf('.') is > 0 and var dot && Controls.Control.KindOf(Partition[..dot]) is { } kind ? (kind, Partition[(dot + 1)..]) : null;
}

/// <param name="Row">Its place in the group, and the job's id.</param>
internal sealed record HeldJob(string Row, ETag ETag)
{
    public string JobId => Row[20..];
}
