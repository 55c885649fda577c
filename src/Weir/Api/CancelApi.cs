using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Cancellation;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Api;

/// <summary>DELETE /api/jobs/{id}?reason=: cancels a job.</summary>
public sealed partial class CancelApi
{
    private const int MaxReason = 200;

    private readonly JobCancellation cancellations;
    private readonly Admission admission;
    private readonly ILogger<CancelApi> logger;

    internal CancelApi(Admission admission, JobCancellation cancellations, ILogger<CancelApi> logger) =>
        (this.admission, this.cancellations, this.logger) = (admission, cancellations, logger);

    public async Task<IResult> CancelAsync(HttpRequest request, string id, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Submit);
        if (caller is null)
            return refusal!;
        string? reason = request.Query["reason"];
        if (reason is { Length: 0 or > MaxReason } || reason?.Any(char.IsControl) == true)
            return Problem.InvalidReason($"reason is a text of 1 to {MaxReason} characters, without control characters; got {reason.Length}.");
        if (!JobId.IsWellFormed(id))
            return Problem.JobNotFound(id);
        try
        {
            return Answer(await cancellations.CancelAsync(id.ToLowerInvariant(), caller.Tenant, new CancelRequest(reason, Operator.Of(request, caller)), cancellation), id);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away, id.ToLowerInvariant());
            return Problem.NotCancelled(retryAfterSeconds: 5);
        }
    }

    private static IResult Answer(Cancelled cancelled, string id) => cancelled switch
    {
        Cancelled.Done done => Results.Json(
            new AcceptedView(done.Job.Id, done.Job.Type, done.State, LinksView.Of(done.Job.Id), CancelRequested: done.State.IsFinal() ? null : true),
            ApiJson.Camel.AcceptedView, statusCode: StatusCodes.Status202Accepted),
        Cancelled.AlreadyFinal final => Problem.JobFinal(final.Job.Id, final.Job.State),
        _ => Problem.JobNotFound(id),
    };

    [LoggerMessage(1405, LogLevel.Error, "Job {JobId} could not be cancelled: a store did not answer")]
    private partial void LogStoreAway(Exception failure, string jobId);
}
