using System.Text.Json;
using System.Text.Json.Serialization;
using Weir.Batches;
using Weir.Receipts;

namespace Weir.Api;

/// <summary>A batch as GET shows it.</summary>
internal sealed record BatchView(
    string Id, string? Name, BatchState State, string Tenant, int? Total, double? Percent, BatchCountsView Counts, DateTimeOffset CreatedAt, DateTimeOffset? AcceptedAt, DateTimeOffset? CompletedAt,
    DateTimeOffset? PausedAt, DateTimeOffset? CancelledAt, string? CancelledBy, string? CancelReason, string? Refused, BatchCompletionView? Completion, BatchLinksView Links)
{
    /// <summary>The first of the items that failed, with their errors.</summary>
    public BatchItemsView? Failed { get; init; }

    public static BatchView Of(BatchStanding standing)
    {
        var batch = standing.Batch;
        var isAccepted = batch.AcceptedAt is not null;
        return new BatchView(
            batch.Id, batch.Name, BatchStates.Of(standing), batch.Tenant, isAccepted ? batch.Total : null, isAccepted ? standing.Percent : null, BatchCountsView.Of(standing),
            batch.CreatedAt, batch.AcceptedAt, batch.CompletedAt, batch.PausedAt, batch.CancelledAt, batch.CancelledBy, batch.CancelReason, batch.RefusedCode,
            batch.CompletionType is null ? null : new BatchCompletionView(batch.CompletionType, batch.CompletionJob, batch.CompletionJob is null ? null : LinksView.Of(batch.CompletionJob)),
            BatchLinksView.Of(batch.Id));
    }
}

internal enum BatchState
{
    /// <summary>Its request is being read, or was cut off.</summary>
    Accepting,
    Running,
    Paused,
    Cancelling,
    Completed,
    Cancelled,

    /// <summary>Its request was none: what was begun of it is cancelled.</summary>
    Refused,
}

internal static class BatchStates
{
    public static BatchState Of(BatchStanding standing) => standing.Batch switch
    {
        { RefusedCode: not null } => BatchState.Refused,
        { CancelledAt: not null } => standing.IsOver ? BatchState.Cancelled : BatchState.Cancelling,
        { AcceptedAt: null } => BatchState.Accepting,
        _ when standing.IsOver => BatchState.Completed,
        { PausedAt: not null } => BatchState.Paused,
        _ => BatchState.Running,
    };
}

/// <param name="Pending">Those that have not ended, whatever they do; null while it is not known how many there are.</param>
internal sealed record BatchCountsView(int? Pending, int Succeeded, int DeadLettered, int Cancelled, int Expired, int Compensated, int Refused)
{
    public static BatchCountsView Of(BatchStanding standing) => new(
        standing.Batch.AcceptedAt is null ? null : standing.Pending, standing.Of(ItemState.Succeeded), standing.Of(ItemState.DeadLettered), standing.Of(ItemState.Cancelled),
        standing.Of(ItemState.Expired), standing.Of(ItemState.Compensated), standing.Of(ItemState.Refused));
}

internal sealed record BatchCompletionView(string Type, string? Id, LinksView? Links);

internal sealed record BatchLinksView(string Self, string Items, string Failed)
{
    public static BatchLinksView Of(string id) => new($"/api/batches/{id}", $"/api/batches/{id}/items", $"/api/batches/{id}/items?state=failed");
}

/// <param name="Cursor">For the next page; absent after the last.</param>
internal sealed record BatchItemsView(IReadOnlyList<BatchItemView> Items, string? Cursor);

internal sealed record BatchItemView(
    int Index, string State, string? Id, string? Type, int? Attempt, DateTimeOffset? FinishedAt, JsonElement? Result, bool? ResultOmitted, ErrorView? Error, BatchItemProblemView? Problem, LinksView? Links)
{
    public static BatchItemView Of(int index, ItemRefusal? refusal) => new(
        index, "refused", null, null, null, null, null, null, null, refusal is null ? null : BatchItemProblemView.Of(refusal), null);

    /// <summary>A job that retention has removed is known by its count only.</summary>
    public static BatchItemView Gone(int index, ItemState counted, string jobId) => new(index, NameOf(counted), jobId, null, null, null, null, null, null, null, null);

    public static BatchItemView Of(int index, Receipt job) => new(
        index, JsonNamingPolicy.CamelCase.ConvertName(job.State.ToString()), job.Id, job.Type, job.Attempt, job.State.IsFinal() ? job.FinishedAt : null,
        job is { State: JobState.Succeeded, Result: { } result } ? JsonElement.Parse(result) : null, job.ResultChunks > 0 ? true : null,
        job is { State: JobState.Retrying or JobState.DeadLettered or JobState.Expired, ErrorType: { } type } ? new ErrorView(job.ErrorClass!, type, job.ErrorMessage ?? "", job.DeadLetterReason, Stack: null) : null,
        Problem: null, LinksView.Of(job.Id) with { DeadLetter = job.DeadLetter is null ? null : LinksView.OfDeadLetter(job.Id) });

    private static string NameOf(ItemState state) => JsonNamingPolicy.CamelCase.ConvertName(state.ToString());
}

/// <summary>Why no job was made of an item.</summary>
internal sealed record BatchItemProblemView(int? Index, string Code, string Detail, Dictionary<string, string[]>? Errors)
{
    public static BatchItemProblemView Of(ItemRefusal refusal, bool withIndex = false) => new(
        withIndex ? refusal.Index : null, refusal.Code, refusal.Detail,
        refusal.Errors.Count == 0 ? null : refusal.Errors.GroupBy(error => error.Pointer).ToDictionary(group => group.Key, group => group.Select(error => error.Detail).ToArray()));
}

/// <summary>The answer to a POST.</summary>
/// <param name="RefusedItems">The first of those that were refused.</param>
internal sealed record BatchAcceptedView(string Id, string? Name, BatchState State, int Total, int Accepted, int Refused, IReadOnlyList<BatchItemProblemView>? RefusedItems, BatchLinksView Links)
{
    public static BatchAcceptedView Of(BatchAnswer.Accepted accepted)
    {
        var (standing, batch) = (accepted.Standing, accepted.Standing.Batch);
        return new BatchAcceptedView(
            batch.Id, batch.Name, BatchStates.Of(standing), batch.Total, batch.Total - standing.Of(ItemState.Refused), standing.Of(ItemState.Refused),
            accepted.Refusals.Count == 0 ? null : [.. accepted.Refusals.Select(refusal => BatchItemProblemView.Of(refusal, withIndex: true))], BatchLinksView.Of(batch.Id));
    }
}

internal sealed record BatchListView(IReadOnlyList<BatchView> Batches, string? Cursor);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BatchView))]
[JsonSerializable(typeof(BatchItemsView))]
[JsonSerializable(typeof(BatchAcceptedView))]
[JsonSerializable(typeof(BatchListView))]
[JsonSerializable(typeof(BatchRetriedView))]
internal sealed partial class BatchJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static BatchJson Camel { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    });
}

/// <param name="Retried">How many runs this request began.</param>
/// <param name="Remaining">How many are still to be retried: ask again.</param>
internal sealed record BatchRetriedView(int Retried, int Remaining, IReadOnlyList<BatchRetryFailureView>? NotRetryable, BatchView Batch);

internal sealed record BatchRetryFailureView(int Index, string Id, string Detail);
