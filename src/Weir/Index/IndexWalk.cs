namespace Weir.Index;

/// <summary>
/// Walks the index from a moment back, newest first. A busy hour is read shard by shard; a quiet stretch of days or months in one query, which
/// grows while nothing is found and shrinks when too much is.
/// </summary>
internal sealed class IndexWalk(JobIndexTable table, string after, DateTimeOffset from)
{
    private const int PerShard = 250;
    private const int FirstStretch = 24;
    private const int Growth = 8;
    private const int LongestStretch = 24 * 365 * 10;

    private readonly DateTimeOffset firstHour = IndexKey.HourOf(from);
    private int hours = 1;

    /// <summary>Everything before this row has been given out.</summary>
    public string Position { get; private set; } = after;

    /// <summary>How many queries it took so far.</summary>
    public int Queries { get; private set; }

    public bool IsAtEnd { get; private set; }

    /// <summary>Some lines, newest first; perhaps none, and yet not at the end.</summary>
    public async Task<IReadOnlyList<JobSummary>> NextAsync(CancellationToken cancellation)
    {
        var hour = IndexKey.HourOf(IndexKey.TimeOf(Position));
        if (hour < firstHour)
        {
            IsAtEnd = true;
            return [];
        }
        return hours == 1 ? await HourAsync(hour, cancellation) : await StretchAsync(hour, cancellation);
    }

    private async Task<IReadOnlyList<JobSummary>> HourAsync(DateTimeOffset hour, CancellationToken cancellation)
    {
        Queries += IndexKey.Shards;
        var shards = await Task.WhenAll(Enumerable.Range(0, IndexKey.Shards).Select(shard => table.ReadAsync(IndexKey.Partition(hour, shard), Position, PerShard, cancellation)));

        // Beyond the last row of a shard that has more, another shard's rows might not be the next ones.
        var known = shards.Where(shard => shard.More).Select(shard => shard.Jobs[^1].RowKey).Min(StringComparer.Ordinal);
        var jobs = shards.SelectMany(shard => shard.Jobs)
            .Where(job => known is null || string.CompareOrdinal(job.RowKey, known) <= 0)
            .OrderBy(job => job.RowKey, StringComparer.Ordinal)
            .ToArray();
        Position = known ?? Before(hour);
        if (jobs.Length == 0)
            hours = FirstStretch;
        return jobs;
    }

    private async Task<IReadOnlyList<JobSummary>> StretchAsync(DateTimeOffset hour, CancellationToken cancellation)
    {
        Queries++;
        var start = hour - firstHour < TimeSpan.FromHours(hours) ? firstHour : hour.AddHours(1 - hours);
        if (await table.ReadHoursAsync(start, hour, cancellation) is not { } found)
        {
            hours = Math.Max(1, hours / Growth);
            return [];
        }

        var jobs = found.Where(job => string.CompareOrdinal(job.RowKey, Position) > 0).OrderBy(job => job.RowKey, StringComparer.Ordinal).ToArray();
        Position = Before(start);
        if (jobs.Length == 0)
            hours = Math.Min(LongestStretch, hours * Growth);
        return jobs;
    }

    private static string Before(DateTimeOffset hour) => IndexKey.At(hour.AddMilliseconds(-1));
}
