using System.Globalization;
using Azure.Data.Tables;
using Weir.Lanes;
using Weir.Receipts;

namespace Weir.Index;

/// <summary>
/// A line of the list of jobs. Its key follows from the job's id and its time of submission, so that whoever writes of a job writes to one row. A row
/// without a state says no more than that there is such a job; its receipt knows the rest.
/// </summary>
internal sealed record JobSummary(string Id, string Type, string Tenant, DateTimeOffset SubmittedAt)
{
    private const string StateColumn = "State";
    private const string FinishedColumn = "FinishedAt";

    /// <summary>Of later ones only the last is told: a row has at most 252 columns (Table storage).</summary>
    private const int MostRuns = 100;

    /// <summary>Null when only its end is known.</summary>
    public Queue? Queue { get; init; }

    public string? CorrelationId { get; init; }

    /// <summary>The state in which it ended; null before.</summary>
    public JobState? State { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Which run of the job ended so: 0 is the first, n the n-th replay.</summary>
    public int Run { get; init; }

    /// <summary>Whether what followed the end that the receipt knows was done.</summary>
    public bool SaysEndOf(Receipt receipt) => State is not null && Run == Math.Min(receipt.Replays, MostRuns);

    public string PartitionKey => IndexKey.Partition(SubmittedAt, Id);

    public string RowKey => IndexKey.Row(SubmittedAt, Id);

    /// <summary>
    /// Whether the receipt knows more: the job was still on its way, or may have been replayed from the dead letters since, or a crash took the line of its submission along.
    /// </summary>
    public bool IsBehind => State is null or JobState.DeadLettered or JobState.Expired || Queue is null;

    /// <summary>Without the end: a line that says that its job has ended says that what follows the end was done, which no receipt knows.</summary>
    public static JobSummary Of(Receipt receipt) => new(receipt.Id, receipt.Type, receipt.Tenant, receipt.SubmittedAt)
    {
        Queue = receipt.Queue,
        CorrelationId = receipt.CorrelationId,
    };

    public static JobSummary Of(JobMessage message, JobState state, DateTimeOffset submittedAt, DateTimeOffset finishedAt) =>
        new(message.JobId, message.Type, message.Tenant, submittedAt) { State = state, FinishedAt = finishedAt, Run = Math.Min(message.Replays, MostRuns) };

    public static JobSummary Of(TableEntity row)
    {
        var run = row.Keys.Where(column => column.StartsWith(StateColumn, StringComparison.Ordinal))
            .Select(column => int.TryParse(column.AsSpan(StateColumn.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)
            .DefaultIfEmpty().Max();
        return new JobSummary(row.GetString("Job") ?? "", row.GetString("Type") ?? "", row.GetString("Tenant") ?? "", row.GetDateTimeOffset("SubmittedAt") ?? default)
        {
            Queue = row.GetString("Queue") is { } queue ? Enum.Parse<Queue>(queue) : null,
            CorrelationId = row.GetString("CorrelationId"),
            State = row.GetString(ColumnOf(StateColumn, run)) is { } state ? Enum.Parse<JobState>(state) : null,
            FinishedAt = row.GetDateTimeOffset(ColumnOf(FinishedColumn, run)),
            Run = run,
        };
    }

    /// <summary>Only what is known, and each run's end in columns of its own: merged into the row, it takes nothing away that another instance has written, in whatever order they come.</summary>
    /// <param name="rowKey">Its <see cref="RowKey"/>, which whoever gathered lines has at hand.</param>
    public TableEntity ToRow(string rowKey)
    {
        var row = new TableEntity(PartitionKey, rowKey)
        {
            ["Job"] = Id,
            ["Type"] = Type,
            ["Tenant"] = Tenant,
            ["SubmittedAt"] = SubmittedAt,
        };
        if (Queue is { } queue)
            row["Queue"] = queue.ToString();
        if (CorrelationId is not null)
            row["CorrelationId"] = CorrelationId;
        if (State is { } state)
            row[ColumnOf(StateColumn, Run)] = state.ToString();
        if (FinishedAt is { } finishedAt)
            row[ColumnOf(FinishedColumn, Run)] = finishedAt;
        return row;
    }

    private static string ColumnOf(string name, int run) => run == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{run}");

    /// <summary>What two lines about one job say together; of what both say, this one is right.</summary>
    public JobSummary Over(JobSummary earlier)
    {
        var ended = State is null || (earlier.State is not null && earlier.Run > Run) ? earlier : this;
        return this with
        {
            Queue = Queue ?? earlier.Queue,
            CorrelationId = CorrelationId ?? earlier.CorrelationId,
            State = ended.State,
            FinishedAt = ended.FinishedAt,
            Run = ended.Run,
        };
    }
}

/// <summary>
/// The keys of the index: an hour and a shard as partition, so that a busy hour is written to several; and in it the time counted down, so that Table storage's
/// one order, ascending, is newest first.
/// </summary>
internal static class IndexKey
{
    /// <summary>A partition takes 2,000 rows a second (Table storage), so this is 4,000 jobs a second of two lines each. Never fewer, or rows are no longer found.</summary>
    public const int Shards = 4;

    private const long LastMillisecond = 253_402_300_799_999; // of the year 9999

    public static string Partition(DateTimeOffset submittedAt, string jobId) => Partition(submittedAt, jobId[^1] % Shards);

    public static string Partition(DateTimeOffset hour, int shard)
    {
        var utc = hour.UtcDateTime;
        return string.Create(CultureInfo.InvariantCulture, $"{utc.Year:D4}{utc.Month:D2}{utc.Day:D2}{utc.Hour:D2}-{shard}"); // a third of what a format of times takes
    }

    public static string Row(DateTimeOffset submittedAt, string jobId) => $"{At(submittedAt)}-{jobId}";

    /// <summary>Stands before all rows of this millisecond, and so after all of later ones.</summary>
    public static string At(DateTimeOffset time) => string.Create(CultureInfo.InvariantCulture, $"{LastMillisecond - time.ToUnixTimeMilliseconds():D15}");

    public static DateTimeOffset TimeOf(string row) =>
        DateTimeOffset.FromUnixTimeMilliseconds(LastMillisecond - long.Parse(row.AsSpan(0, 15), CultureInfo.InvariantCulture));

    /// <summary>Whether the first part of a text of digits is a time that can be.</summary>
    public static bool IsTime(string row) => long.Parse(row.AsSpan(0, 15), CultureInfo.InvariantCulture) <= LastMillisecond;

    public static DateTimeOffset HourOf(DateTimeOffset time) => new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerHour, TimeSpan.Zero);
}
