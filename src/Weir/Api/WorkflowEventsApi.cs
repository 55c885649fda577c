using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Submission;
using Weir.Workflows;

namespace Weir.Api;

/// <summary>POST /api/jobs/{id}/events/{name}: sends a workflow an event.</summary>
public sealed partial class WorkflowEventsApi
{
    private readonly Admission admission;
    private readonly WorkflowEvents events;
    private readonly ILogger<WorkflowEventsApi> logger;

    internal WorkflowEventsApi(Admission admission, WorkflowEvents events, ILogger<WorkflowEventsApi> logger) => (this.admission, this.events, this.logger) = (admission, events, logger);

    public async Task<IResult> SendAsync(HttpRequest request, string id, string name, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Submit);
        if (caller is null)
            return refusal!;
        var (body, problem) = await RequestBody.ReadJsonAsync(request, WorkflowEvents.MostPayload, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            if (!JobId.IsWellFormed(id))
                return Problem.JobNotFound(id);
            try
            {
                return Answer(await events.SendAsync(id.ToLowerInvariant(), caller.Tenant, name, body.RootElement, cancellation), id, name, request.HttpContext.Response);
            }
            catch (Exception away) when (StoreAway.Explains(away))
            {
                LogStoreAway(away, id.ToLowerInvariant());
                return Problem.EventNotTaken(retryAfterSeconds: 5);
            }
        }
    }

    private static IResult Answer(EventAnswer answer, string id, string name, HttpResponse response)
    {
        if (answer is EventAnswer.Accepted { Repeated: true })
            response.Headers["Idempotency-Replayed"] = "true";
        return answer switch
        {
            EventAnswer.Accepted taken => Results.Json(new AcceptedView(taken.Job.Id, taken.Job.Type, taken.Job.State, LinksView.Of(taken.Job.Id)), ApiJson.Camel.AcceptedView, statusCode: StatusCodes.Status202Accepted),
            EventAnswer.NotAWorkflow not => Problem.NotAWorkflow(not.Job.Id, not.Job.Type),
            EventAnswer.Final final => Problem.WorkflowFinal(final.Job.Id, final.Job.State),
            EventAnswer.Taken taken => taken.TooLate ? Problem.EventTooLate(name) : Problem.EventAlreadyReceived(name),
            EventAnswer.Unknown unknown => Problem.UnknownEvent(name, unknown.Type, unknown.Known),
            EventAnswer.BrokenContract broken => Problem.ContractViolation($"The event breaks the contract of '{name}'.", broken.Errors),
            _ => Problem.JobNotFound(id),
        };
    }

    [LoggerMessage(608, LogLevel.Error, "An event for job {JobId} could not be taken: a store did not answer")]
    private partial void LogStoreAway(Exception failure, string jobId);
}
