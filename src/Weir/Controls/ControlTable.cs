using Azure;
using Azure.Data.Tables;
using Weir.Instances;

namespace Weir.Controls;

/// <summary>
/// The table Controls: a row for each control that is set, beside those of the breakers (<see cref="Breakers.BreakerTable"/>) and the row that says whose turn it is
/// to release what was held. A few dozen rows, read as a whole.
/// </summary>
internal sealed class ControlTable(TableServiceClient tables) : IStoredTable
{
    public const string Name = "Controls";

    private const string LeasePartition = "lease";
    private const string LeaseRow = "release";

    private readonly TableClient table = tables.GetTableClient(Name);

    /// <summary>To release what was held.</summary>
    public Turn Turn { get; } = new(tables.GetTableClient(Name), LeasePartition, LeaseRow);

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>All that is set, and which dependencies are known to be down.</summary>
    public async Task<(IReadOnlyList<Control> Controls, IReadOnlyList<(string Dependency, DateTimeOffset Until)> Open)> ReadAsync(CancellationToken cancellation)
    {
        var controls = new List<Control>();
        var open = new List<(string, DateTimeOffset)>();
        await foreach (var row in table.QueryAsync<TableEntity>(filter: (string?)null, cancellationToken: cancellation))
        {
            if (Control.KindOf(row.PartitionKey) is { } kind)
                controls.Add(Control.Of(kind, row));
            else if (row.PartitionKey == Breakers.BreakerTable.Partition)
                open.Add(Breakers.BreakerTable.Of(row));
        }
        return (controls, open);
    }

    public async Task<Control?> FindAsync(ControlKind kind, string name, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Control.PartitionOf(kind), name, cancellationToken: cancellation);
        return answer.HasValue ? Control.Of(kind, answer.Value!) : null;
    }

    /// <summary>Sets a control that there is not, or that is as it was read.</summary>
    /// <returns>Null when somebody else has changed it.</returns>
    public async Task<Control?> WriteAsync(Control control, ETag? expected, CancellationToken cancellation)
    {
        try
        {
            var answer = expected is { } etag ? await table.UpdateEntityAsync(control.ToRow(), etag, TableUpdateMode.Replace, cancellation) : await table.AddEntityAsync(control.ToRow(), cancellation);
            return control with { ETag = answer.Headers.ETag ?? throw new InvalidDataException("Table storage answered a write without an ETag.") };
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }

    /// <summary>Takes a control away. False when it is another one by now.</summary>
    public async Task<bool> RemoveAsync(Control control, CancellationToken cancellation)
    {
        try
        {
            // A row that is gone already is no error: asked again after an answer that was lost, it has been done.
            await table.DeleteEntityAsync(Control.PartitionOf(control.Kind), control.Name, control.ETag, cancellation);
            return true;
        }
        catch (RequestFailedException changed) when (changed.Status == 412)
        {
            return false;
        }
    }
}
