using System.Text.Json;
using Weir.Cancellation;
using Weir.Catalog;
using Weir.Receipts;
using Weir.Retries;
using Weir.Submission;

namespace Weir.Workflows;

/// <summary>The jobs that workflows start and wait for. A child's id follows from the step that starts it, so started again after a crash it is the same job.</summary>
internal sealed class ChildJobs(ReceiptTable receipts, JobSubmission submission, JobCancellation cancellations)
{
    /// <summary>How a child ended: with a result as JSON, or an error.</summary>
    internal sealed record Ended(string? Result, JobError? Error);

    private const int MostResult = 32_000;
    private const int MostSubmissions = 2;

    /// <returns>Null while it is on its way.</returns>
    public async Task<Ended?> FindOrSubmitAsync(Receipt parent, Step step, StepSource source, StepRecord row, bool stop, CancellationToken cancellation)
    {
        var key = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"child:{parent.Id}:{step.Name}:{row.FirstRun}");
        var id = JobId.FromKey(parent.Tenant, step.ChildType!, key);
        var child = await receipts.FindAsync(id, cancellation);
        if (child is null && stop)
            return new Ended(null, new JobError(ErrorClass.Permanent, "Stopped", "The workflow was stopped before its child job was started.", Stack: null));
        // Again, too: its message may not have been sent. Not for ever: a job that nobody claims looks the same while it runs.
        if (child is null || (!stop && row.Call <= MostSubmissions && child is { Attempt: 0, State: JobState.Queued or JobState.Scheduled }))
            return await SubmitAsync(parent, step, source, key, cancellation);
        if (stop && !child.State.IsFinal())
            await cancellations.CancelAsync(id, parent.Tenant, new CancelRequest($"The workflow {parent.Id} was stopped."), cancellation);
        return child.State.IsFinal() ? await EndOfAsync(child, cancellation) : null;
    }

    private async Task<Ended?> SubmitAsync(Receipt parent, Step step, StepSource source, string key, CancellationToken cancellation)
    {
        var payload = await step.RunAsync(source) ?? throw new PermanentException($"The step '{step.Name}' makes no payload for its child job.");
        var request = new SubmitRequest(step.ChildType!, JsonSerializer.SerializeToElement(payload, payload.GetType(), ContractJson.Options)) { CorrelationId = parent.Id, ParentId = parent.Id, ParentStep = step.Name };
        if (await submission.SubmitFollowingAsync(request, parent.Tenant, key, cancellation) is Submitted.Refused refused)
        {
            var where = refused.Errors is [var error, ..] ? $" At '{error.Pointer}': {error.Detail}." : "";
            return new Ended(null, new JobError(ErrorClass.Permanent, "ChildRefused", $"The child job of type '{step.ChildType}' was refused: {refused.Detail}{where}", Stack: null));
        }
        return null;
    }

    private async Task<Ended> EndOfAsync(Receipt child, CancellationToken cancellation)
    {
        if (child.State != JobState.Succeeded)
            return new Ended(null, new JobError(ErrorClass.Permanent, "ChildFailed", $"The child job {child.Id} ('{child.Type}') ended as {JsonNamingPolicy.CamelCase.ConvertName(child.State.ToString())}. {child.ErrorMessage}", child.ErrorStack));
        var result = (await receipts.ReadAsync(child.Id, cancellation))!.Result;
        return result.Length <= MostResult
            ? new Ended(result.IsEmpty ? "null" : System.Text.Encoding.UTF8.GetString(result.Span), null)
            : new Ended("null", null);
    }
}
