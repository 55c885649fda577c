using Azure;
using Azure.Data.Tables;
using Weir.Receipts;

namespace Weir.Workflows;

/// <summary>Where a step stands, or its undoing.</summary>
internal enum StepState
{
    Running,
    Retrying,

    /// <summary>For an event, a time, or a child job.</summary>
    Waiting,
    Done,

    /// <summary>Its condition did not hold.</summary>
    Skipped,
    Failed,

    /// <summary>The event did not come in time, and the workflow goes on without.</summary>
    Late,
}

/// <summary>
/// The row "step-{name}" beside a receipt, or "undo-{name}": what became of a step, and of its undoing. Whoever begins a try changes the row; whoever ends it
/// does so only if the row is as it was then, so that of two that run at once one is recorded.
/// </summary>
internal sealed record StepRecord(string JobId, string Prefix, string Name)
{
    public const string StepPrefix = "step-";
    public const string UndoPrefix = "undo-";

    public StepState State { get; init; }

    public int Run { get; init; }

    /// <summary>The run that first began it: part of its idempotency key.</summary>
    public int FirstRun { get; init; }

    /// <summary>The call that the state came from.</summary>
    public int Call { get; init; }

    /// <summary>The tries in this run, those included that were cut off.</summary>
    public int Attempt { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>When it goes on: the next try, or the end of a wait.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>As JSON.</summary>
    public string? Result { get; init; }

    public JobError? Error { get; init; }

    /// <summary>The instance that ran it last.</summary>
    public string Instance { get; init; } = "";

    /// <summary>When an undoing comes, counted from 1.</summary>
    public int Order { get; init; }

    public ETag ETag { get; init; }

    public bool IsUndo => Prefix == UndoPrefix;

    public bool IsOver => State is StepState.Done or StepState.Skipped or StepState.Failed or StepState.Late;

    public TableEntity ToRow()
    {
        var row = new TableEntity(JobId, Prefix + Name)
        {
            [Column.State] = State.ToString(),
            [Column.Run] = Run,
            [Column.FirstRun] = FirstRun,
            [Column.Call] = Call,
            [Column.Attempt] = Attempt,
            [Column.StartedAt] = StartedAt,
            [Column.Instance] = Instance,
            [Column.Order] = Order,
        };
        Set(Column.FinishedAt, FinishedAt);
        Set(Column.Until, Until);
        Set(Column.Result, Result);
        Error?.WriteTo(row);
        return row;

        void Set(string column, object? value)
        {
            if (value is not null)
                row[column] = value;
        }
    }

    /// <summary>Null: the row is another one's, such as a checkpoint of <see cref="JobContext.OnceAsync{T}"/>.</summary>
    public static StepRecord? Of(TableEntity row)
    {
        var prefix = row.RowKey.StartsWith(StepPrefix, StringComparison.Ordinal) ? StepPrefix : UndoPrefix;
        if (!row.RowKey.StartsWith(prefix, StringComparison.Ordinal) || !Enum.TryParse<StepState>(row.GetString(Column.State), out var state))
            return null;
        return new StepRecord(row.PartitionKey, prefix, row.RowKey[prefix.Length..])
        {
            State = state,
            Run = row.GetInt32(Column.Run) ?? 0,
            FirstRun = row.GetInt32(Column.FirstRun) ?? 0,
            Call = row.GetInt32(Column.Call) ?? 0,
            Attempt = row.GetInt32(Column.Attempt) ?? 0,
            StartedAt = row.GetDateTimeOffset(Column.StartedAt) ?? default,
            FinishedAt = row.GetDateTimeOffset(Column.FinishedAt),
            Until = row.GetDateTimeOffset(Column.Until),
            Result = row.GetString(Column.Result),
            Error = JobError.Of(row),
            Instance = row.GetString(Column.Instance) ?? "",
            Order = row.GetInt32(Column.Order) ?? 0,
            ETag = row.ETag,
        };
    }

    private static class Column
    {
        public const string State = "StepState";
        public const string Run = "Run";
        public const string FirstRun = "FirstRun";
        public const string Call = "Call";
        public const string Attempt = "Attempt";
        public const string StartedAt = "StartedAt";
        public const string FinishedAt = "FinishedAt";
        public const string Until = "Until";
        public const string Result = "Result";
        public const string Instance = "Instance";
        public const string Order = "Order";
    }
}
