using Azure;
using Azure.Data.Tables;

namespace Weir.Instances;

/// <summary>Work that one instance does at a time: a row says whose turn it is, and until when. Who dies in its turn delays the next one by the rest of it.</summary>
internal sealed class Turn(TableClient table, string partition, string row)
{
    private const string Owner = "Owner";
    private const string Until = "Until";

    /// <summary>Takes the turn, or keeps it; one that ends at once is given back. False while another instance has it.</summary>
    public async Task<bool> TakeAsync(string instance, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(partition, row, cancellationToken: cancellation);
        var turn = new TableEntity(partition, row) { [Owner] = instance, [Until] = until };
        try
        {
            if (!answer.HasValue)
                await table.AddEntityAsync(turn, cancellation);
            else if (answer.Value!.GetString(Owner) != instance && answer.Value.GetDateTimeOffset(Until) > now)
                return false;
            else
                await table.UpdateEntityAsync(turn, answer.Value.ETag, TableUpdateMode.Replace, cancellation);
            return true;
        }
        catch (RequestFailedException taken) when (taken.Status is 404 or 409 or 412)
        {
            return false;
        }
    }
}
