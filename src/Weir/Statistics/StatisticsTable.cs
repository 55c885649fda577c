using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;

namespace Weir.Statistics;

/// <summary>The table Statistics: partition <c>yyyyMMdd</c>, row time + instance; one for each 10 s in which an instance did anything.</summary>
internal sealed class StatisticsTable(TableServiceClient tables) : IStoredTable
{
    private const int AtOnce = 100; // what a transaction takes

    private readonly TableClient table = tables.GetTableClient("Statistics");

    public Task CreateIfMissingAsync(CancellationToken cancellation) => table.CreateIfNotExistsAsync(cancellation);

    /// <summary>Doing it again writes the same row.</summary>
    public Task WriteAsync(StatisticsRow row, CancellationToken cancellation) => table.UpsertEntityAsync(row.ToEntity(), TableUpdateMode.Replace, cancellation);

    /// <summary>The rows that ended since then, of all instances.</summary>
    public async Task<IReadOnlyList<StatisticsRow>> ReadAsync(DateTimeOffset since, DateTimeOffset now, CancellationToken cancellation)
    {
        var rows = new List<StatisticsRow>();
        foreach (var filter in Filters(since, now))
        {
            await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
                rows.Add(StatisticsRow.Of(row));
        }
        return rows;
    }

    /// <summary>The rows that ended in some time, however long, one after the other; a query for each day.</summary>
    public async IAsyncEnumerable<StatisticsRow> ReadEachAsync(DateTimeOffset from, DateTimeOffset to, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (first, last) = (StatisticsRow.PartitionOf(from), StatisticsRow.PartitionOf(to));
        for (var day = from.UtcDateTime.Date; day <= to.UtcDateTime; day = day.AddDays(1))
        {
            var partition = StatisticsRow.PartitionOf(day);
            var (begin, end) = (partition == first ? StatisticsRow.TimeOf(from) : "", partition == last ? StatisticsRow.TimeOf(to) : "~");
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {begin} and RowKey lt {end}");
            await foreach (var row in table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
                yield return StatisticsRow.Of(row);
        }
    }

    /// <summary>As <see cref="ReadAsync"/>, but the queues' totals only: a tenth of the bytes.</summary>
    public async Task<IReadOnlyList<QueueCounts>> ReadTotalsAsync(DateTimeOffset since, DateTimeOffset now, CancellationToken cancellation)
    {
        var rows = new List<QueueCounts>();
        foreach (var filter in Filters(since, now))
        {
            await foreach (var row in table.QueryAsync<TableEntity>(filter, select: StatisticsRow.TotalColumns, cancellationToken: cancellation))
                rows.Add(QueueCounts.Read(row));
        }
        return rows;
    }

    /// <summary>Removes rows of the days before one, at most so many transactions of them.</summary>
    /// <returns>Whether there are more.</returns>
    public async Task<bool> RemoveBeforeAsync(DateTimeOffset day, int transactions, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey lt {StatisticsRow.PartitionOf(day)}");
        await foreach (var page in table.QueryAsync<TableEntity>(filter, maxPerPage: AtOnce, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation).AsPages())
        {
            if (page.Values.Count == 0)
                continue;
            if (transactions-- == 0)
                return true;
            foreach (var partition in page.Values.GroupBy(row => row.PartitionKey, StringComparer.Ordinal))
                await table.SubmitTransactionAsync(partition.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellation);
        }
        return false;
    }

    /// <summary>A query of one partition each: one that spans two is a scan to the service. A window is shorter than a day.</summary>
    private static IEnumerable<string> Filters(DateTimeOffset since, DateTimeOffset now)
    {
        var (first, last) = (StatisticsRow.PartitionOf(since), StatisticsRow.PartitionOf(now));
        yield return TableClient.CreateQueryFilter($"PartitionKey eq {first} and RowKey ge {StatisticsRow.TimeOf(since)}");
        if (first != last)
            yield return TableClient.CreateQueryFilter($"PartitionKey eq {last}");
    }
}
