using System.Globalization;
using System.Text.Json;
using Azure.Data.Tables;

namespace Weir.Statistics;

/// <summary>
/// What one instance counted in some seconds: a row of the table Statistics. Beside its series it has each queue's totals as columns of their own, for those who
/// need no more than them.
/// </summary>
internal sealed record StatisticsRow(string Instance, DateTimeOffset From, DateTimeOffset To, IReadOnlyList<(SeriesKey Key, Series Series)> Series)
{
    private const string SeriesPrefix = "S";

    private static readonly JobEvent[] Summed = [JobEvent.Submitted, JobEvent.Refused, JobEvent.Started];

    public static string PartitionOf(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    public static string TimeOf(DateTimeOffset time) => time.UtcDateTime.ToString("HHmmssfff", CultureInfo.InvariantCulture);

    /// <summary>The columns that <see cref="QueueCounts"/> needs.</summary>
    public static IReadOnlyList<string> TotalColumns { get; } =
        ["PartitionKey", "RowKey", nameof(Instance), nameof(From), nameof(To), .. Enum.GetValues<Queue>().SelectMany(queue => Summed.Select(what => TotalColumn(what, queue)))];

    public static string TotalColumn(JobEvent what, Queue queue) => $"{what}{queue}";

    public TableEntity ToEntity()
    {
        var row = new TableEntity(PartitionOf(To), $"{TimeOf(To)}-{Instance}") { [nameof(Instance)] = Instance, [nameof(From)] = From, [nameof(To)] = To };
        foreach (var queue in Enum.GetValues<Queue>())
        {
            foreach (var what in Summed)
            {
                var total = Series.Where(one => one.Key.Queue == queue).Sum(one => one.Series[what]);
                if (total > 0)
                    row[TotalColumn(what, queue)] = total;
            }
        }
        for (var number = 0; number < Series.Count; number++)
            row[string.Create(CultureInfo.InvariantCulture, $"{SeriesPrefix}{number:D3}")] = JsonSerializer.Serialize(Series[number].Series.ToLine(Series[number].Key));
        return row;
    }

    /// <summary>What cannot be read of it is left out: a number that is missing is no reason to fail.</summary>
    public static StatisticsRow Of(TableEntity row)
    {
        var series = new List<(SeriesKey, Series)>();
        foreach (var (name, value) in row.OrderBy(cell => cell.Key, StringComparer.Ordinal))
        {
            if (name.Length == 4 && name.StartsWith(SeriesPrefix, StringComparison.Ordinal) && value is string text
                && Read(text) is { } line && Enum.TryParse<Queue>(line.Queue, out var queue) && Enum.IsDefined(queue))
                series.Add((new SeriesKey(line.Type, queue), Statistics.Series.Of(line)));
        }
        return new StatisticsRow(row.GetString(nameof(Instance)) ?? "", row.GetDateTimeOffset(nameof(From)) ?? default, row.GetDateTimeOffset(nameof(To)) ?? default, series);
    }

    private static SeriesLine? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<SeriesLine>(text) is { Type: not null, Counts: not null } line ? line : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Of one instance and one queue: how many jobs it took, refused and began.</summary>
internal sealed record QueueCounts(string Instance, DateTimeOffset From, DateTimeOffset To, IReadOnlyDictionary<Queue, (long Submitted, long Refused, long Started)> Of)
{
    public static QueueCounts Read(TableEntity row) => new(
        row.GetString(nameof(StatisticsRow.Instance)) ?? "", row.GetDateTimeOffset(nameof(StatisticsRow.From)) ?? default, row.GetDateTimeOffset(nameof(StatisticsRow.To)) ?? default,
        Enum.GetValues<Queue>().ToDictionary(queue => queue, queue => (Number(row, JobEvent.Submitted, queue), Number(row, JobEvent.Refused, queue), Number(row, JobEvent.Started, queue))));

    private static long Number(TableEntity row, JobEvent what, Queue queue) => row.GetInt64(StatisticsRow.TotalColumn(what, queue)) ?? 0;
}
