using System.Text.Json;
using System.Text.Json.Serialization;
using System.Xml;
using Weir.DeadLetters;
using Weir.Replays;

namespace Weir.Api;

/// <summary>A staged replay, as its readers see it.</summary>
internal sealed record StagedReplayView(string Id, ReplayState State, ReplayFilterView Filter, string By, DateTimeOffset At, string? Why, ReplayTally Jobs)
{
    public required IReadOnlyList<ReplayStage> Stages { get; init; }

    public required IReadOnlyList<int> Sizes { get; init; }

    public required double Rate { get; init; }

    public required double StopAtFailureRate { get; init; }

    public required string StageTimeout { get; init; }

    /// <summary>Why it does not run.</summary>
    public ReplayEnd? Ended { get; init; }

    public HandledView? Resumed { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Jobs that died again or could not be replayed; 20 at most.</summary>
    public required IReadOnlyList<LinksView> Failures { get; init; }

    public required StagedReplayLinksView Links { get; init; }

    public static StagedReplayView Of(StagedReplay replay) => new(replay.Id, replay.State, ReplayFilterView.Of(replay.Filter), replay.How.By, replay.How.At, replay.How.Reason, replay.Tally)
    {
        Stages = replay.Stages,
        Sizes = replay.Sizes,
        Rate = replay.Rate,
        StopAtFailureRate = replay.StopAtFailureRate,
        StageTimeout = XmlConvert.ToString(replay.StageTimeout),
        Ended = replay.End,
        Resumed = HandledView.Of(replay.Resumed),
        UpdatedAt = replay.UpdatedAt,
        Failures = [.. replay.Examples.Select(id => LinksView.Of(id) with { DeadLetter = LinksView.OfDeadLetter(id) })],
        Links = StagedReplayLinksView.Of(replay),
    };
}

internal sealed record ReplayFilterView(string? Type, string? Fingerprint, string? Reason, string? Tenant, DateTimeOffset? From, DateTimeOffset? To)
{
    public static ReplayFilterView Of(DeadLetterFilter filter) => new(filter.Type, filter.Fingerprint, filter.Reason, filter.Tenant, filter.From, filter.To);
}

/// <param name="Stop">Only while it runs.</param>
/// <param name="Resume">Only when it was stopped.</param>
internal sealed record StagedReplayLinksView(string Self, string? Stop, string? Resume)
{
    public static string Path(string id) => $"/api/replays/{id}";

    public static StagedReplayLinksView Of(StagedReplay replay) => new(
        Path(replay.Id), replay.State == ReplayState.Running ? $"{Path(replay.Id)}/stop" : null, replay.State == ReplayState.Stopped ? $"{Path(replay.Id)}/resume" : null);
}

internal sealed record StagedReplayListView(IReadOnlyList<StagedReplayView> Replays, string? Cursor);

/// <summary>What a staged replay would do.</summary>
/// <param name="Matched">All that it would replay.</param>
/// <param name="Checked">How many of them, from the first, are listed with what the contract check says.</param>
/// <param name="Stages">How many jobs each stage would have, if all goes well.</param>
internal sealed record ReplayPlanView(bool DryRun, int Matched, int Checked, Dictionary<string, int> Checks, IReadOnlyList<int> Stages, double AtLeastSeconds, IReadOnlyList<PlannedReplayView> Jobs);

internal sealed record PlannedReplayView(int Position, int Stage, string Id, string? Type, string? Tenant, string? OrderingKey, DateTimeOffset DiedAt, int Run, PlannedCheck Check, Dictionary<string, string[]>? Errors, LinksView Links)
{
    public static PlannedReplayView Of(PlannedReplay planned, int position, int stage) => new(
        position, stage, planned.Entry.Id, planned.Entry.Type, planned.Entry.Tenant, planned.Entry.OrderingKey, planned.Entry.DiedAt, planned.Entry.Run, planned.Check,
        planned.Errors.Count == 0 ? null : planned.Errors.GroupBy(error => error.Pointer).ToDictionary(group => group.Key, group => group.Select(error => error.Detail).ToArray()),
        LinksView.Of(planned.Entry.Id) with { DeadLetter = LinksView.OfDeadLetter(planned.Entry.Id) });
}

/// <summary>How the answers about staged replays are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StagedReplayView))]
[JsonSerializable(typeof(StagedReplayListView))]
[JsonSerializable(typeof(ReplayPlanView))]
internal sealed partial class StagedReplayJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static StagedReplayJson Camel { get; } = new(new JsonSerializerOptions(ApiJson.Camel.Options));
}
