using System.Text.Json;
using System.Text.Json.Serialization;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Why;
using Weir.Workflows;

namespace Weir.Api;

/// <summary>A job as GET shows it. Fields that say nothing yet are left out.</summary>
internal sealed record JobView(
    string Id, string Type, int Version, JobState State, string Tenant, Queue Queue, string Lane, string? OrderingKey, string? CorrelationId, int Attempt,
    DateTimeOffset SubmittedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? NextAttemptAt, ProgressView? Progress,
    DateTimeOffset? NotBefore, DateTimeOffset? ExpiresAt, string? UniqueKey, DateTimeOffset? CancelRequestedAt, string? CancelReason, string? CancelledBy, string? SupersededBy,
    JsonElement? Result, ErrorView? Error, IReadOnlyList<AttemptView> Attempts, LinksView Links)
{
    /// <summary>The runs that operators asked for after the first.</summary>
    public IReadOnlyList<ReplayView>? Replays { get; init; }

    /// <summary>Who gave the dead job up, when and why.</summary>
    public HandledView? Discarded { get; init; }

    /// <summary>The job of the same ordering key that a held one waits for.</summary>
    public HeldByView? HeldBy { get; init; }

    /// <summary>The control that keeps it from starting.</summary>
    public PausedView? Paused { get; init; }

    /// <summary>Of a job that has not ended: the one reason why it does not run, or what it does.</summary>
    public WhyView? Why { get; init; }

    /// <summary>The steps of a workflow.</summary>
    public IReadOnlyList<StepView>? Steps { get; init; }

    /// <summary>The schedule that made it, and for when.</summary>
    public JobScheduleView? Schedule { get; init; }

    public static JobView Of(JobRecord job)
    {
        var receipt = job.Receipt;
        return new JobView(
            receipt.Id, receipt.Type, receipt.Version, receipt.State, receipt.Tenant, receipt.Queue, receipt.Lane, receipt.OrderingKey, receipt.CorrelationId, receipt.Attempt,
            receipt.SubmittedAt, receipt.StartedAt, receipt.FinishedAt, receipt.State == JobState.Retrying ? receipt.NotBefore : null,
            receipt.Progress is { } share ? new ProgressView(share, receipt.ProgressMessage) : null,
            receipt.State is JobState.Scheduled or JobState.Held ? receipt.NotBefore : null, receipt.ExpiresAt, receipt.Unique?.Key,
            receipt.CancelRequestedAt, receipt.CancelReason, receipt.CancelledBy, receipt.SupersededBy,
            ResultOf(job), ErrorOf(job), [.. job.Attempts.Select(AttemptView.Of)],
            LinksView.Of(receipt.Id) with { DeadLetter = receipt.DeadLetter is null ? null : LinksView.OfDeadLetter(receipt.Id), Batch = receipt.Batch is { } item ? BatchLinksView.Of(item.BatchId).Self : null })
        {
            Replays = job.Replays.Count == 0 ? null : [.. job.Replays.Select(ReplayView.Of)],
            Discarded = HandledView.Of(receipt.Discarded),
            Steps = job.Steps.Count == 0 ? null : job.Steps,
            Schedule = JobScheduleView.Of(receipt.Occurrence),
        };
    }

    private static JsonElement? ResultOf(JobRecord job) => job.Result.IsEmpty ? null : JsonElement.Parse(job.Result.Span);

    /// <summary>The last failure, unless a later attempt has made up for it.</summary>
    private static ErrorView? ErrorOf(JobRecord job) => job.Receipt switch
    {
        { State: JobState.Retrying or JobState.DeadLettered or JobState.Expired or JobState.Compensated, ErrorType: { } type } receipt => new ErrorView(receipt.ErrorClass!, type, receipt.ErrorMessage ?? "", receipt.DeadLetterReason, Stack: null),
        _ => null,
    };
}

/// <param name="RetryAt">When the next attempt was to come, for one that failed and was to be tried again.</param>
internal sealed record AttemptView(int Number, AttemptOutcome Outcome, DateTimeOffset StartedAt, DateTimeOffset FinishedAt, DateTimeOffset? RetryAt, string Instance, ErrorView? Error)
{
    public static AttemptView Of(AttemptRecord attempt) => new(
        attempt.Number, attempt.Outcome, attempt.StartedAt, attempt.FinishedAt, attempt.RetryAt, attempt.Instance,
        attempt.Error is { } error ? new ErrorView(error.Class.ToString(), error.Type, error.Message, Reason: null, error.Stack) : null);
}

internal sealed record ProgressView(double Share, string? Message);

internal sealed record HeldByView(string Id, HeadReason Why, DateTimeOffset Since, LinksView Links)
{
    public static HeldByView? Of(KeyHead? head) => head is null ? null : new(head.JobId, head.Why, head.Since, LinksView.Of(head.JobId));
}

/// <summary>A <see cref="Reason"/> as GET shows it.</summary>
internal sealed record WhyView(
    ReasonKind Reason, string Detail, DateTimeOffset? ExpectedAt, DateTimeOffset? Since, string? JobId, string? Instance, int? Ahead, string? Step)
{
    public static WhyView? Of(Reason? reason) => reason is null ? null : new(reason.Kind, reason.Detail, reason.ExpectedAt, reason.Since, reason.JobId, reason.Instance, reason.Ahead, reason.Step);
}

internal sealed record ErrorView(string Class, string Type, string Message, string? Reason, string? Stack);

internal sealed record JobScheduleView(string Name, DateTimeOffset Occurrence)
{
    public static JobScheduleView? Of(Schedules.ScheduledOccurrence? occurrence) => occurrence is null ? null : new(occurrence.Schedule, occurrence.At);
}

internal sealed record AcceptedView(string Id, string Type, JobState State, LinksView Links, bool? Existing = null, bool? CancelRequested = null)
{
    public static AcceptedView Of(Submission.Submitted.Accepted accepted) =>
        new(accepted.JobId, accepted.Type, accepted.State, LinksView.Of(accepted.JobId), accepted.Existing ? true : null);
}

internal sealed record LinksView(string Self)
{
    /// <summary>The job's last dead letter, once the catalogue has it.</summary>
    public string? DeadLetter { get; init; }

    /// <summary>The batch that it is an item of.</summary>
    public string? Batch { get; init; }

    public static LinksView Of(string jobId) => new($"/api/jobs/{jobId}");

    public static string OfDeadLetter(string id) => $"/api/dead-letters/{id}";
}

/// <summary>How the API's own answers are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(AcceptedView))]
[JsonSerializable(typeof(CatalogView))]
[JsonSerializable(typeof(JobTypeView))]
[JsonSerializable(typeof(BreakersView))]
[JsonSerializable(typeof(BulkView))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
[JsonSerializable(typeof(JobListView))]
[JsonSerializable(typeof(InstancesView))]
[JsonSerializable(typeof(ScheduleView))]
[JsonSerializable(typeof(ScheduleListView))]
[JsonSerializable(typeof(FindingsView))]
[JsonSerializable(typeof(LimitsView))]
[JsonSerializable(typeof(ControlsView))]
[JsonSerializable(typeof(ControlView))]
[JsonSerializable(typeof(AuditView))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static ApiJson Camel { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    });
}
