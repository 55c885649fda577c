using System.Diagnostics;
using Weir.Catalog;
using Weir.Execution;
using Weir.Lanes;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Telemetry;

/// <summary>
/// The spans of the source <c>Weir</c>, by OpenTelemetry's conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/). A job's submission, its attempts, its
/// steps and its children stand in one trace: that of the request that brought it, which its receipt and its messages carry (W3C traceparent). An operator's replay stands in
/// the operator's own trace, with a link to the job's. They cost nothing when nobody listens, and never carry a payload.
/// </summary>
internal static class Spans
{
    private static readonly ActivitySource Source = new(TelemetryNames.Source);

    /// <summary>A submission: what it makes of the job is told to it by <see cref="Tell(Activity?, Submitted)"/>.</summary>
    public static Activity? Submission(SubmitRequest request, string tenant) =>
        Source.StartActivity("submit", ActivityKind.Producer)?.Of(request.Type, tenant);

    /// <summary>Many submissions of one request.</summary>
    public static Activity? Bulk(int items, string tenant) =>
        Source.StartActivity("submit bulk", ActivityKind.Producer)?.SetTag("messaging.batch.message_count", items).SetTag("weir.tenant", tenant);

    /// <summary>An attempt, in the job's trace, with a link to the invocation that carries it out.</summary>
    public static Activity? Attempt(Claim claim, JobType type, Queue queue)
    {
        var message = claim.Message;
        return InTraceOf(message.TraceParent, $"process {QueueNames.Of(queue)}", ActivityKind.Consumer)?.Of(type.Name, message.Tenant)
            .SetTag("messaging.system", "servicebus")
            .SetTag("messaging.operation.type", "process")
            .SetTag("messaging.destination.name", QueueNames.Of(queue))
            .SetTag("messaging.message.id", message.MessageId)
            .SetTag("weir.job.id", message.JobId)
            .SetTag("weir.job.attempt", claim.Attempt.Number)
            .SetTag("weir.job.replays", message.Replays);
    }

    /// <summary>A try of a workflow's step, or of its undoing.</summary>
    public static Activity? Step(Receipt receipt, string step, bool isUndo, int attempt) =>
        InTraceOf(receipt.TraceParent, $"{(isUndo ? "undo" : "step")} {step}", ActivityKind.Internal)?.Of(receipt.Type, receipt.Tenant)
            .SetTag("weir.job.id", receipt.Id)
            .SetTag("weir.step", step)
            .SetTag("weir.step.attempt", attempt);

    /// <summary>An operator's replay, in the operator's trace.</summary>
    public static Activity? Replay(Receipt receipt) =>
        Source.StartActivity("replay", ActivityKind.Producer, parentContext: default, links: LinksTo(receipt.TraceParent))?.Of(receipt.Type, receipt.Tenant).SetTag("weir.job.id", receipt.Id);

    public static void Tell(this Activity? submission, Submitted submitted)
    {
        if (submission is null)
            return;
        if (submitted is Submitted.Accepted accepted)
            submission.SetTag("weir.job.id", accepted.JobId).SetTag("weir.replayed", accepted.Replayed);
        else if (submitted is Submitted.Refused refused)
            submission.SetTag("error.type", refused.Refusal.ToString()).SetStatus(ActivityStatusCode.Error, refused.Detail);
    }

    public static void Tell(this Activity? attempt, AttemptResult result)
    {
        if (attempt is null)
            return;
        attempt.SetTag("weir.outcome", result.GetType().Name);
        if (result is AttemptResult.Failed failed)
            attempt.Fail(failed.Exception);
    }

    public static void Fail(this Activity? span, Exception failure) =>
        span?.SetTag("error.type", failure.GetType().FullName).SetStatus(ActivityStatusCode.Error, failure.Message).AddException(failure);

    private static Activity Of(this Activity span, string type, string tenant) => span.SetTag("weir.job.type", type).SetTag("weir.tenant", tenant);

    private static Activity? InTraceOf(string? traceParent, string name, ActivityKind kind)
    {
        if (!ActivityContext.TryParse(traceParent, traceState: null, isRemote: true, out var parent))
            return Source.StartActivity(name, kind);
        ActivityLink[] links = Activity.Current is { } invocation && invocation.TraceId != parent.TraceId ? [new(invocation.Context)] : [];
        return Source.StartActivity(name, kind, parent, links: links);
    }

    private static ActivityLink[] LinksTo(string? traceParent) => ActivityContext.TryParse(traceParent, traceState: null, isRemote: true, out var context) ? [new(context)] : [];
}
