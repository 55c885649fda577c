using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Weir.Index;

/// <summary>
/// Writes the list of jobs, behind what happens to them: lines are gathered in memory and written each second, or by the thousand, so that the list costs a job next
/// to nothing. What a crash takes along of this instance's last second is found again by <see cref="LostLines"/>; a job itself never depends on its line.
/// </summary>
internal sealed partial class JobIndex(JobIndexTable table, TimeProvider clock, ILogger<JobIndex> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan FlushEvery = TimeSpan.FromSeconds(1);

    /// <summary>So many do not wait for the second to end. Lines of neighbouring jobs lie side by side, so the more at once the less is written: by the hundred it is 2 KB more a job.</summary>
    private const int ManyLines = 1_000;

    /// <summary>So many transactions are under way at once when there are many lines. Else one: nobody is to wait behind a thousand lines.</summary>
    private const int Abreast = 10;

    /// <summary>Between two transactions while there are few lines: a job that had to wait behind one of them does not meet the next one too.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(20);

    /// <summary>So often in one round at most, 0.4 s: lines of many hours are many transactions.</summary>
    private const int Breaths = 20;

    /// <summary>Some 5 MB. Reached only while this table takes no writes and the others do.</summary>
    private const int MostLines = 10_000;

    private readonly Lock guard = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly SemaphoreSlim flushing = new(1);
    private Dictionary<string, JobSummary> lines = new(StringComparer.Ordinal);
    private TaskCompletionSource enough = NewSignal();
    private Task writing = Task.CompletedTask;
    private DateTimeOffset writtenUntil = clock.GetUtcNow();
    private DateTimeOffset? gap;

    /// <summary>Every line that was put before this moment is in the table.</summary>
    public DateTimeOffset WrittenUntil
    {
        get
        {
            lock (guard)
                return gap ?? writtenUntil;
        }
    }

    /// <summary>Whether everything is in the table.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (guard)
                return lines.Count == 0 && gap is null;
        }
    }

    /// <summary>Adds a line, or what it says to the line there is.</summary>
    public void Put(JobSummary job)
    {
        var row = job.RowKey;
        lock (guard)
        {
            if (Keep(row, job) && lines.Count >= ManyLines)
                enough.TrySetResult();
        }
    }

    /// <summary>Since when lines may have been dropped because there were too many; whoever asks is to find them again. Null: none were.</summary>
    public DateTimeOffset? TakeGap()
    {
        lock (guard)
        {
            if (gap is null || lines.Count > MostLines / 2)
                return null;
            var since = gap;
            gap = null;
            return since;
        }
    }

    /// <summary>They could not be found this time, or there may be one more.</summary>
    public void ReopenGap(DateTimeOffset since)
    {
        lock (guard)
            gap = gap < since ? gap : since;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        writing = RunAsync(stopping.Token);
    }

    /// <summary>Runs after the triggers have drained: what they did last is written too.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await writing.WaitAsync(cancellationToken);
        await FlushAsync(cancellationToken);
    }

    public void Dispose()
    {
        stopping.Dispose();
        flushing.Dispose();
    }

    /// <summary>Writes what there is. False when the table would not take it; the lines are kept for the next time.</summary>
    public Task<bool> FlushAsync(CancellationToken cancellation) => FlushAsync(breaths: 0, cancellation);

    private async Task<bool> FlushAsync(int breaths, CancellationToken cancellation)
    {
        await flushing.WaitAsync(cancellation);
        try
        {
            return await WriteAsync(breaths, cancellation);
        }
        finally
        {
            flushing.Release();
        }
    }

    private async Task<bool> WriteAsync(int breaths, CancellationToken cancellation)
    {
        var (taken, takenAt) = Take();
        try
        {
            var batches = taken.GroupBy(line => line.Value.PartitionKey).SelectMany(partition => partition.Chunk(JobIndexTable.Batch)).ToList();
            var areMany = taken.Count >= ManyLines;
            foreach (var (index, some) in batches.Chunk(areMany ? Abreast : 1).Index())
            {
                if (index > 0 && index <= breaths && !areMany)
                    await Task.Delay(Breath, clock, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await WriteAsync(some, taken, cancellation);
            }
            lock (guard)
                writtenUntil = takenAt;
            return true;
        }
        catch (Exception failure)
        {
            var kept = PutBack(taken);
            LogNotWritten(failure, taken.Count, kept);
            return false;
        }
    }

    /// <summary>What is written is taken out, also when another batch fails.</summary>
    private async Task WriteAsync(KeyValuePair<string, JobSummary>[][] batches, Dictionary<string, JobSummary> taken, CancellationToken cancellation)
    {
        var writes = batches.Select(batch => table.WriteAsync(batch, cancellation)).ToList();
        try
        {
            await Task.WhenAll(writes);
        }
        finally
        {
            foreach (var (batch, write) in batches.Zip(writes))
            {
                if (!write.IsCompletedSuccessfully)
                    continue;
                foreach (var (row, _) in batch)
                    taken.Remove(row);
            }
        }
    }

    private async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.WhenAny(enough.Task, Task.Delay(FlushEvery, clock, stop));
            if (stop.IsCancellationRequested)
                return;
            // The write itself is not cut off by the stop: it is short, and what it has begun is better done.
            if (!await FlushAsync(Breaths, CancellationToken.None))
                await Task.WhenAny(Task.Delay(FlushEvery, clock, stop));
        }
    }

    private (Dictionary<string, JobSummary> Lines, DateTimeOffset At) Take()
    {
        lock (guard)
        {
            var taken = lines;
            lines = new Dictionary<string, JobSummary>(StringComparer.Ordinal);
            enough = NewSignal();
            return (taken, clock.GetUtcNow());
        }
    }

    private int PutBack(Dictionary<string, JobSummary> taken)
    {
        lock (guard)
        {
            var kept = 0;
            foreach (var (row, job) in taken)
            {
                if (lines.TryGetValue(row, out var newer))
                    lines[row] = newer.Over(job);
                else if (!Keep(row, job))
                    continue;
                kept++;
            }
            return kept;
        }
    }

    private bool Keep(string row, JobSummary job)
    {
        if (lines.TryGetValue(row, out var earlier))
        {
            lines[row] = job.Over(earlier);
            return true;
        }
        if (lines.Count >= MostLines)
        {
            gap ??= writtenUntil;
            return false;
        }
        lines[row] = job;
        return true;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(1530, LogLevel.Warning, "{Count} lines of the list of jobs could not be written; {Kept} are kept for the next try, the rest is looked for later")]
    private partial void LogNotWritten(Exception failure, int count, int kept);
}
