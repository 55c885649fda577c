using System.Text.Json;
using Azure;
using Azure.Data.Tables;

namespace Weir.Pressure;

/// <summary>The table Pressure: one row, which says who polls the queues, until when, and what was found.</summary>
internal sealed class PressureTable(TableServiceClient tables) : IStoredTable
{
    private const string Partition = "pressure";
    private const string Row = "queues";

    private readonly TableClient table = tables.GetTableClient("Pressure");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    public async Task<PressureRow?> ReadAsync(CancellationToken cancellation)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(Partition, Row, cancellationToken: cancellation);
        return answer.HasValue ? PressureRow.Of(answer.Value!) : null;
    }

    /// <summary>Writes the row if nobody else has since it was read.</summary>
    /// <returns>The row as it is now; null when somebody has.</returns>
    public async Task<PressureRow?> WriteAsync(PressureRow row, CancellationToken cancellation)
    {
        var entity = row.ToEntity(Partition, Row);
        try
        {
            var answer = row.ETag is { } known
                ? await table.UpdateEntityAsync(entity, known, TableUpdateMode.Replace, cancellation)
                : await table.AddEntityAsync(entity, cancellation);
            return row with { ETag = answer.Headers.ETag };
        }
        catch (RequestFailedException changed) when (changed.Status is 404 or 409 or 412)
        {
            return null;
        }
    }
}

/// <param name="Holder">The instance that polls.</param>
/// <param name="LeaseUntil">Until when nobody else does.</param>
internal sealed record PressureRow(string Holder, DateTimeOffset LeaseUntil, PressureReading Reading)
{
    /// <summary>Null before it is written for the first time.</summary>
    public ETag? ETag { get; init; }

    public TableEntity ToEntity(string partition, string row) => new(partition, row)
    {
        [nameof(Holder)] = Holder,
        [nameof(LeaseUntil)] = LeaseUntil,
        [nameof(Reading)] = JsonSerializer.Serialize(Reading),
    };

    public static PressureRow Of(TableEntity row) => new(row.GetString(nameof(Holder)) ?? "", row.GetDateTimeOffset(nameof(LeaseUntil)) ?? default, Read(row.GetString(nameof(Reading)))) { ETag = row.ETag };

    /// <summary>What a build wrote that we do not understand is as good as nothing: it is found out anew.</summary>
    private static PressureReading Read(string? text)
    {
        try
        {
            return text is not null && JsonSerializer.Deserialize<PressureReading>(text) is { } reading && IsWhole(reading) ? reading : PressureReading.None;
        }
        catch (JsonException)
        {
            return PressureReading.None;
        }
    }

    private static bool IsWhole(PressureReading reading) =>
        reading is { Takers: >= 1, Queues.Count: var count } && count == Enum.GetValues<Queue>().Length && reading.Queues.Index().All(one => (int)one.Item.Queue == one.Index && one.Item.Drain is not null);
}
