namespace Weir.Statistics;

/// <summary>What is asked of the past: whole steps of time, of all jobs or of those of a queue, a type, or both.</summary>
internal sealed record HistoryQuestion(DateTimeOffset From, DateTimeOffset To, TimeSpan Step, Queue? Queue, string? Type)
{
    public int Points => (int)((To - From) / Step);
}

/// <summary>
/// What happened to jobs over a longer time, step by step, on all instances together. A row of the table lies over 10 s of one instance; it counts for the step in which its middle
/// lies. The rows are added up as they come, so an answer costs the memory of its points and no more. A page that shows it asks again and again: an answer is remembered for some seconds.
/// </summary>
internal sealed class StatisticsHistory(StatisticsTable table, TimeProvider clock)
{
    /// <summary>One busy instance's week is 60,480 rows. What takes more than these takes longer than anybody waits: some 2 s.</summary>
    public const int MostRows = 50_000;

    private const int MostRemembered = 64;

    /// <summary>So many questions are read for at once; the others wait.</summary>
    private const int AtOnce = 2;

    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>A row that was written late begins long before it ends.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    private readonly Dictionary<HistoryQuestion, (DateTimeOffset At, Task<IReadOnlyList<Series>?> Answer)> known = [];
    private readonly SemaphoreSlim reading = new(AtOnce);
    private readonly Lock gate = new();

    /// <returns>A series for each step, the oldest first; null when it would take more rows than <see cref="MostRows"/>.</returns>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public Task<IReadOnlyList<Series>?> ReadAsync(HistoryQuestion question, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (!known.TryGetValue(question, out var last) || last.At + Remembered <= now || last.Answer.IsFaulted || last.Answer.IsCanceled)
            {
                if (known.Count >= MostRemembered)
                    known.Clear();
                known[question] = last = (now, ReadAsync(question));
            }
            return last.Answer.WaitAsync(cancellation);
        }
    }

    private async Task<IReadOnlyList<Series>?> ReadAsync(HistoryQuestion question)
    {
        using var limit = new CancellationTokenSource(Patience, clock);
        try
        {
            await reading.WaitAsync(limit.Token);
            try
            {
                return await AddUpAsync(question, limit.Token);
            }
            finally
            {
                reading.Release();
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new TimeoutException($"The statistics could not be read within {Patience.TotalSeconds:0} s.");
        }
    }

    private async Task<IReadOnlyList<Series>?> AddUpAsync(HistoryQuestion question, CancellationToken cancellation)
    {
        var points = new Series[question.Points];
        for (var point = 0; point < points.Length; point++)
            points[point] = new Series();
        var rows = 0;
        await foreach (var row in table.ReadEachAsync(question.From, question.To + Late, cancellation))
        {
            if (++rows > MostRows)
                return null;
            var middle = row.From + (row.To - row.From) / 2;
            if (middle < question.From || middle >= question.To)
                continue;
            var point = points[(int)((middle - question.From) / question.Step)];
            foreach (var (key, series) in row.Series)
            {
                if ((question.Queue ?? key.Queue) == key.Queue && (question.Type ?? key.Type) == key.Type)
                    point.Add(series);
            }
        }
        return points;
    }
}
