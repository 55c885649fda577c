using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>The errors of what concerns workflows.</summary>
internal static partial class Problem
{
    public static IResult NotAWorkflow(string id, string type) => Of(409, "notAWorkflow", "The job waits for no events", $"Job {id} is of type '{type}', which is no workflow.");

    public static IResult WorkflowFinal(string id, JobState state) =>
        Of(409, "jobFinal", "The job has ended", $"Job {id} is {JsonNamingPolicy.CamelCase.ConvertName(state.ToString())}: it waits for nothing any more.");

    public static IResult EventTooLate(string name) => Of(409, "eventTooLate", "The event comes too late", $"The wait for '{Shorten(name)}' is over; the job has gone on without.");

    public static IResult EventAlreadyReceived(string name) =>
        Of(409, "eventAlreadyReceived", "The event has come before", $"The job has received '{Shorten(name)}' with another payload. An event is taken once; the same one sent again is accepted.");

    public static IResult UnknownEvent(string name, string type, IReadOnlyList<string> known) => Of(
        422, "unknownEvent", "The workflow has no such event",
        $"'{type}' waits for no event '{Shorten(name)}' with this payload; {(known.Count == 0 ? "it waits for none" : $"expected one of {string.Join(", ", known)}")}.");

    public static IResult EventNotTaken(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The event could not be taken", "A store behind the service did not answer. Send the request again; an event that was taken is taken once."));
}
