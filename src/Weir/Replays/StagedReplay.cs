using System.Text.Json.Serialization;
using Weir.DeadLetters;

namespace Weir.Replays;

/// <summary>Whether a staged replay goes on by itself.</summary>
internal enum ReplayState
{
    Running,

    /// <summary>By itself or by an operator, who may resume it. What it has started is followed to its end all the same.</summary>
    Stopped,

    /// <summary>Everything that it was to replay has been, or could not be.</summary>
    Completed,
}

/// <summary>
/// A group of dead letters that is replayed 1, 10, 100, …: each stage only if the one before went well. One row, changed only as it was read, so that any instance carries it on;
/// the dead letters themselves lie in rows beside it (<see cref="ReplayItem"/>).
/// </summary>
internal sealed record StagedReplay
{
    /// <summary>How many stages are kept on record; of a replay in very small ones the oldest go.</summary>
    private const int MostStages = 50;

    /// <summary>From the newest to the oldest, in the order of text.</summary>
    public required string Id { get; init; }

    public required DeadLetterFilter Filter { get; init; }

    /// <summary>Who asked for it, when and why.</summary>
    public required Handling How { get; init; }

    /// <summary>How many each stage replays; the last one holds for all that follow.</summary>
    public required IReadOnlyList<int> Sizes { get; init; }

    /// <summary>Jobs a second.</summary>
    public required double Rate { get; init; }

    /// <summary>The share of a stage's jobs that must not die again: at it, the replay stops.</summary>
    public required double StopAtFailureRate { get; init; }

    /// <summary>How long the jobs of a stage may take to end, after the last of them was started.</summary>
    public required TimeSpan StageTimeout { get; init; }

    public ReplayState State { get; init; }

    /// <summary>Why it does not run; null while it does.</summary>
    public ReplayEnd? End { get; init; }

    /// <summary>Who resumed it last.</summary>
    public Handling? Resumed { get; init; }

    /// <summary>One more each time that somebody starts, stops or resumes it: by it an instance sees that what it remembers is over.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The newest last.</summary>
    public IReadOnlyList<ReplayStage> Stages { get; init; } = [];

    /// <summary>Before this none is started.</summary>
    public DateTimeOffset NextAt { get; init; }

    public DateTimeOffset LastStartedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public ReplayTally Tally { get; init; } = new();

    /// <summary>Some that died again or could not be replayed.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [];

    [JsonIgnore]
    public ReplayStage? Stage => Stages.Count == 0 ? null : Stages[^1];

    /// <summary>What the receipt of each job that it replays says as the reason: so that one can tell whose replay a run was.</summary>
    [JsonIgnore]
    public string Mark => $"staged replay {Id}";

    public StagedReplay With(ReplayStage stage) => this with { Stages = [.. Stages.Where(one => one.Number != stage.Number).TakeLast(MostStages - 1), stage] };

    /// <summary>The first stage again, after a start or a resumption: whether the cause is mended is to be seen with few.</summary>
    public StagedReplay BeginAt(DateTimeOffset now) => With(new ReplayStage((Stage?.Number ?? 0) + 1, Step: 0, Sizes[0], now));

    public StagedReplay BeginNextAt(DateTimeOffset now)
    {
        var step = Math.Min(Stage!.Step + 1, Sizes.Count - 1);
        return With(new ReplayStage(Stage.Number + 1, step, Sizes[step], now));
    }
}

/// <param name="Number">From 1, over all resumptions.</param>
/// <param name="Step">Which of the sizes.</param>
/// <param name="Size">The most jobs that it starts.</param>
internal sealed record ReplayStage(int Number, int Step, int Size, DateTimeOffset BeganAt)
{
    public DateTimeOffset? EndedAt { get; init; }

    public int Started { get; init; }

    public int Succeeded { get; init; }

    public int Failed { get; init; }
}

/// <param name="Code">One of <see cref="Codes"/>.</param>
/// <param name="Detail">In words, with figures.</param>
/// <param name="By">Who.</param>
internal sealed record ReplayEnd(string Code, string Detail, string By, DateTimeOffset At)
{
    internal static class Codes
    {
        public const string Completed = "completed";
        public const string FailureRate = "failureRate";
        public const string StageTimeout = "stageTimeout";
        public const string Operator = "operator";
    }
}

/// <summary>How many of its dead letters are where.</summary>
internal sealed record ReplayTally
{
    public int Total { get; init; }

    public int Pending { get; init; }

    /// <summary>Started, and not ended yet.</summary>
    public int Open { get; init; }

    public int Succeeded { get; init; }

    /// <summary>Died again.</summary>
    public int Failed { get; init; }

    public int Cancelled { get; init; }

    /// <summary>Somebody else has replayed, mended or discarded them since, or retention has removed them.</summary>
    public int Changed { get; init; }

    /// <summary>Of a type or version that is not served here, or damaged.</summary>
    public int NotReplayable { get; init; }

    /// <summary>An earlier job of their strict ordering key died again, so they wait for it.</summary>
    public int KeyStopped { get; init; }

    public static ReplayTally Of(IReadOnlyList<ReplayItem> items)
    {
        Span<int> counts = stackalloc int[Enum.GetValues<ItemStage>().Length];
        foreach (var item in items)
            counts[(int)item.State]++;
        return new ReplayTally
        {
            Total = items.Count,
            Pending = counts[(int)ItemStage.Pending],
            Open = counts[(int)ItemStage.Intended] + counts[(int)ItemStage.Started],
            Succeeded = counts[(int)ItemStage.Succeeded],
            Failed = counts[(int)ItemStage.Failed],
            Cancelled = counts[(int)ItemStage.Cancelled],
            Changed = counts[(int)ItemStage.Changed],
            NotReplayable = counts[(int)ItemStage.NotReplayable],
            KeyStopped = counts[(int)ItemStage.KeyStopped],
        };
    }
}
