using System.Text.Json;
using System.Text.Json.Serialization;
using Weir.Receipts;

namespace Weir.Api;

/// <summary>A job as GET shows it. Fields that say nothing yet are left out.</summary>
internal sealed record JobView(
    string Id, string Type, int Version, JobState State, string Tenant, Queue Queue, string Lane, string? OrderingKey, string? CorrelationId, int Attempt,
    DateTimeOffset SubmittedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, DateTimeOffset? NextAttemptAt, ProgressView? Progress,
    JsonElement? Result, ErrorView? Error, IReadOnlyList<AttemptView> Attempts, LinksView Links)
{
    public static JobView Of(JobRecord job)
    {
        var receipt = job.Receipt;
        return new JobView(
            receipt.Id, receipt.Type, receipt.Version, receipt.State, receipt.Tenant, receipt.Queue, receipt.Lane, receipt.OrderingKey, receipt.CorrelationId, receipt.Attempt,
            receipt.SubmittedAt, receipt.StartedAt, receipt.FinishedAt, receipt.State == JobState.Retrying ? receipt.NotBefore : null,
            receipt.Progress is { } share ? new ProgressView(share, receipt.ProgressMessage) : null,
            ResultOf(job), ErrorOf(job), [.. job.Attempts.Select(AttemptView.Of)], LinksView.Of(receipt.Id));
    }

    private static JsonElement? ResultOf(JobRecord job) => job.Result.IsEmpty ? null : JsonElement.Parse(job.Result.Span);

    /// <summary>The last failure, unless a later attempt has made up for it.</summary>
    private static ErrorView? ErrorOf(JobRecord job) => job.Receipt switch
    {
        { State: JobState.Retrying or JobState.DeadLettered, ErrorType: { } type } receipt => new ErrorView(receipt.ErrorClass!, type, receipt.ErrorMessage ?? "", receipt.DeadLetterReason, Stack: null),
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

internal sealed record ErrorView(string Class, string Type, string Message, string? Reason, string? Stack);

internal sealed record AcceptedView(string Id, string Type, JobState State, LinksView Links);

internal sealed record LinksView(string Self)
{
    public static LinksView Of(string jobId) => new($"/api/jobs/{jobId}");
}

/// <summary>How the API's own answers are written.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(AcceptedView))]
[JsonSerializable(typeof(CatalogView))]
[JsonSerializable(typeof(JobTypeView))]
[JsonSerializable(typeof(BreakersView))]
[JsonSerializable(typeof(JobListView))]
[JsonSerializable(typeof(InstancesView))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>The context with enums in camelCase, which the attribute cannot ask for.</summary>
    public static ApiJson Camel { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    });
}
