using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.Controls;
using Weir.Lanes;
using Weir.Limits;
using Weir.Pressure;
using Weir.Receipts;
using Weir.Submission;
using Weir.Why;

namespace Weir.Api;

/// <summary>The HTTP face of jobs: reads a request, asks Weir, and words the answer.</summary>
public sealed partial class JobsApi
{
    /// <summary>The payload's own limit, and room for what stands round it.</summary>
    internal const int MaxBody = JobSubmission.MaxPayload + 16 * 1024;

    /// <summary>The load balancer cuts an answer off after 230 s, most clients and proxies after 30 to 60.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    private const string RetryAfterAccepted = "1";

    private readonly Admission admission;
    private readonly JobSubmission submission;
    private readonly JobWatch watch;
    private readonly OrderedKeys keys;
    private readonly SubmissionsInFlight inFlight;
    private readonly Explanation explanation;
    private readonly PressureHeaders pressure;
    private readonly ControlBoard controls;
    private readonly ILogger<JobsApi> logger;

    internal JobsApi(
        Admission admission, JobSubmission submission, JobWatch watch, OrderedKeys keys, SubmissionsInFlight inFlight, Explanation explanation, PressureHeaders pressure, ControlBoard controls,
        ILogger<JobsApi> logger)
    {
        (this.admission, this.submission, this.watch, this.keys) = (admission, submission, watch, keys);
        (this.inFlight, this.explanation, this.pressure, this.controls, this.logger) = (inFlight, explanation, pressure, controls, logger);
    }

    /// <summary>POST /api/jobs → 202, or a problem.</summary>
    public async Task<IResult> SubmitAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.AskToSubmit(request);
        if (caller is null)
            return refusal!;
        if (!IdempotencyKey.TryRead(request.Headers[IdempotencyKey.Header], out var key, out var wrongKey))
            return Problem.InvalidIdempotencyKey(wrongKey!);
        using var handled = inFlight.TryEnter();
        if (handled is null)
            return inFlight.Refusal;

        var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxBody, cancellation, handled);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            if (SubmitRequest.Read(body.RootElement, errors) is not { } submit)
                return Problem.InvalidRequest(errors);
            return await SubmitAsync(submit, caller.SubmitsFor!, key, request.HttpContext.Response, cancellation);
        }
    }

    /// <summary>GET /api/jobs/{id}?wait=PT10S → the job, at once or when it is final, whichever the wait allows.</summary>
    public async Task<IResult> GetAsync(HttpRequest request, string id, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        var wait = TimeSpan.Zero;
        string? text = request.Query["wait"];
        if (text is { Length: > 0 } && (!IsoDuration.TryRead(text, out wait) || wait > MaxWait))
            return Problem.InvalidWait($"wait is an ISO 8601 duration from PT0S to PT{MaxWait.TotalSeconds:0}S, such as PT10S; got '{(text.Length <= 40 ? text : "a longer text")}'.");
        if (!JobId.IsWellFormed(id))
            return Problem.JobNotFound(id);
        try
        {
            return await ShowAsync(id.ToLowerInvariant(), wait, caller, cancellation);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotShown(away, id.ToLowerInvariant());
            return Problem.NotShown(retryAfterSeconds: 5);
        }
    }

    private async Task<IResult> ShowAsync(string id, TimeSpan wait, Caller caller, CancellationToken cancellation)
    {
        if (await watch.UntilFinalAsync(id, wait, caller.Sees, cancellation) is not { } job)
            return Problem.JobNotFound(id);

        var view = JobView.Of(job) with { HeldBy = HeldByView.Of(await keys.HeadBeforeAsync(job.Receipt, cancellation)), Why = WhyView.Of(await explanation.OfAsync(job, cancellation)), Paused = PausedOf(job.Receipt) };
        return Results.Json(view, ApiJson.Camel.JobView);
    }

    private PausedView? PausedOf(Receipt job) => job.State is JobState.Scheduled or JobState.Queued or JobState.Retrying or JobState.Held ? PausedView.Of(controls.PauseOf(job.Queue, job.Type, job.Tenant)) : null;

    private async Task<IResult> SubmitAsync(SubmitRequest submit, string tenant, string? key, HttpResponse response, CancellationToken cancellation)
    {
        try
        {
            var submitted = await submission.SubmitAsync(submit, tenant, key, cancellation);
            pressure.Tell(response.Headers, submit);
            return Answer(submitted, response);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away, submit.Type);
            return Problem.StoreUnavailable(retryAfterSeconds: 5);
        }
    }

    internal static IResult Answer(Submitted submitted, HttpResponse response)
    {
        if (submitted is Submitted.Refused refused)
            return ProblemOf(refused);

        var accepted = (Submitted.Accepted)submitted;
        var view = AcceptedView.Of(accepted);
        response.Headers.Location = view.Links.Self;
        response.Headers.RetryAfter = RetryAfterAccepted;
        if (accepted.Replayed)
            response.Headers["Idempotency-Replayed"] = "true";
        return Results.Json(view, ApiJson.Camel.AcceptedView, statusCode: StatusOf(accepted));
    }

    /// <summary>202, unless the job that holds the unique key has ended.</summary>
    internal static int StatusOf(Submitted.Accepted accepted) => accepted.Existing && accepted.State.IsFinal() ? StatusCodes.Status200OK : StatusCodes.Status202Accepted;

    internal static IResult ProblemOf(Submitted.Refused refused) => refused.Refusal switch
    {
        Refusal.UnknownType => Problem.UnknownType(refused.Detail),
        Refusal.ContractViolation => Problem.ContractViolation(refused.Detail, refused.Errors),
        Refusal.VersionTooNew => Problem.VersionTooNew(refused.Detail),
        Refusal.VersionTooOld => Problem.VersionTooOld(refused.Detail),
        Refusal.PayloadTooLarge => Problem.BodyTooLarge(JobSubmission.MaxPayload),
        Refusal.StoreUnavailable => Problem.StoreUnavailable(retryAfterSeconds: 5),
        Refusal.WrongTime => Problem.InvalidRequest(refused.Errors),
        Refusal.NotUnique => Problem.NotUnique(refused.Detail, refused.JobId!),
        Refusal.Contended => Problem.Contended(refused.Detail, retryAfterSeconds: 1),
        Refusal.IdempotencyKeyReused => Problem.IdempotencyKeyReused(refused.Detail),
        Refusal.NoRoom => Problem.NoRoom(refused.Backoff!),
        Refusal.CallbackRefused => Problem.CallbackRefused(refused.Detail),
        _ => throw new System.Diagnostics.UnreachableException(refused.Refusal.ToString()),
    };

    [LoggerMessage(1101, LogLevel.Error, "A job of type {Type} could not be accepted: a store did not answer")]
    private partial void LogStoreAway(Exception failure, string type);

    [LoggerMessage(1102, LogLevel.Error, "Job {JobId} could not be shown: a store did not answer")]
    private partial void LogNotShown(Exception failure, string jobId);
}
