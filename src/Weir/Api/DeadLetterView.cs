using System.Text.Json;
using System.Text.Json.Serialization;
using Weir.DeadLetters;

namespace Weir.Api;

/// <summary>A dead letter. A list shows the part that is the same for all; alone it comes with everything else.</summary>
internal sealed record DeadLetterView(
    string Id, DeadLetterState State, string Reason, string Fingerprint, string? Type, int? Version, string? Tenant, Queue Queue, string? Lane, string? OrderingKey, string? CorrelationId,
    ErrorView? Error, int AttemptCount, int Run, DateTimeOffset? SubmittedAt, DateTimeOffset DiedAt, string? TraceParent, string? MessageId, int PayloadBytes,
    bool Replayable, HandledView? Handled, DeadLetterLinksView Links)
{
    /// <summary>What a replay would run with, if it is JSON.</summary>
    public JsonElement? Payload { get; init; }

    /// <summary>The same when it is not.</summary>
    public string? PayloadBase64 { get; init; }

    /// <summary>It is not the payload that was accepted, or not all of it: a replay needs a mended one.</summary>
    public bool? PayloadDamaged { get; init; }

    /// <summary>Where the job stands now; it may have been replayed since.</summary>
    public JobState? JobState { get; init; }

    /// <summary>Every attempt of every run.</summary>
    public IReadOnlyList<AttemptView>? Attempts { get; init; }

    /// <summary>Every run that operators asked for.</summary>
    public IReadOnlyList<ReplayView>? Replays { get; init; }

    /// <summary>Of a message that is no job of ours: everything but its body.</summary>
    public JsonElement? Message { get; init; }

    public static DeadLetterView Of(DeadLetter entry) => Of(entry, stack: false);

    public static DeadLetterView Of(DeadLetterCase found)
    {
        var payload = JsonOf(found.Payload);
        return Of(found.Entry, stack: true) with
        {
            Payload = payload,
            PayloadBase64 = payload is null && !found.Payload.IsEmpty ? Convert.ToBase64String(found.Payload.Span) : null,
            PayloadDamaged = found.Entry.PayloadDamaged,
            JobState = found.Job?.Receipt.State,
            Attempts = found.Job is { } job ? [.. job.Attempts.Select(AttemptView.Of)] : null,
            Replays = found.Job is { } run ? [.. run.Replays.Select(replay => ReplayView.Of(replay) with { PayloadBefore = JsonOf(found.PayloadsBefore.GetValueOrDefault(replay.Number)) })] : null,
            Message = JsonOf(found.ForeignProperties),
        };
    }

    private static DeadLetterView Of(DeadLetter entry, bool stack) => new(
        entry.Id, entry.State, entry.Reason, entry.Fingerprint, entry.Type, entry.Version, entry.Tenant, entry.Queue, entry.Lane, entry.OrderingKey, entry.CorrelationId,
        entry.Error is { } error ? new ErrorView(error.Class.ToString(), error.Type, error.Message, Reason: null, stack ? error.Stack : null) : null,
        entry.Attempts, entry.Run, entry.SubmittedAt, entry.DiedAt, entry.TraceParent, entry.MessageId, entry.PayloadBytes,
        entry.IsReplayable, HandledView.Of(entry.Handled), DeadLetterLinksView.Of(entry));

    private static JsonElement? JsonOf(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return bytes.IsEmpty ? null : JsonElement.Parse(bytes.Span);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record DeadLetterLinksView(string Self, string? Job, string? Replay)
{
    public static DeadLetterLinksView Of(DeadLetter entry) => new(
        LinksView.OfDeadLetter(entry.Id), entry.Foreign ? null : LinksView.Of(entry.Id).Self, entry.IsReplayable ? $"{LinksView.OfDeadLetter(entry.Id)}/replay" : null);
}

/// <summary>Who did something, when, and why if they said so.</summary>
internal sealed record HandledView(string By, DateTimeOffset At, string? Reason)
{
    public static HandledView? Of(Handling? how) => how is null ? null : new(how.By, how.At, how.Reason);
}

/// <param name="Number">From 1.</param>
/// <param name="Mended">It ran with another payload than the run before.</param>
/// <param name="EarlierAttempts">The attempts before it; its own count on from there.</param>
internal sealed record ReplayView(int Number, string By, DateTimeOffset At, string? Reason, bool Mended, int EarlierAttempts)
{
    /// <summary>What a mended replay put aside.</summary>
    public JsonElement? PayloadBefore { get; init; }

    public static ReplayView Of(Replay replay) => new(replay.Number, replay.How.By, replay.How.At, replay.How.Reason, replay.Mended, replay.EarlierAttempts);
}

internal sealed record DeadLetterListView(IReadOnlyList<DeadLetterView> DeadLetters, string? Cursor);

internal sealed record DeadLetterGroupView(
    string Fingerprint, string? Type, string Reason, ErrorView? Error, int Count, int Open, DateTimeOffset Newest, DateTimeOffset Oldest, DeadLetterLinksView Example)
{
    public static DeadLetterGroupView Of(DeadLetterGroup group)
    {
        var example = DeadLetterView.Of(group.Newest);
        return new(example.Fingerprint, example.Type, example.Reason, example.Error, group.Count, group.Open, example.DiedAt, group.Oldest, example.Links);
    }
}

internal sealed record DeadLetterGroupListView(IReadOnlyList<DeadLetterGroupView> Groups, int Scanned, bool Partial, string? Cursor);

/// <param name="Started">This request started the run; false when another one had.</param>
internal sealed record ReplayedView(string Id, string Type, JobState State, int Run, string By, DateTimeOffset At, bool Started, LinksView Links);

internal sealed record ReplayCountsView(bool DryRun, int Matched, int Replayed, int Skipped, IReadOnlyList<FailedReplay> Failed, string? Cursor);

/// <summary>How the answers about dead letters are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DeadLetterView))]
[JsonSerializable(typeof(DeadLetterListView))]
[JsonSerializable(typeof(DeadLetterGroupListView))]
[JsonSerializable(typeof(ReplayedView))]
[JsonSerializable(typeof(ReplayCountsView))]
internal sealed partial class DeadLetterJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static DeadLetterJson Camel { get; } = new(new JsonSerializerOptions(ApiJson.Camel.Options));
}
