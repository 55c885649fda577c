using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>What concerns controls.</summary>
internal static partial class Problem
{
    public static IResult UnknownControlKind(string kind, IEnumerable<string> known) =>
        Of(404, "unknownControlKind", "There is no such kind of control", $"'{Shorten(kind)}' is none; expected one of {string.Join(", ", known)}.");

    public static IResult InvalidControlName(string detail) => Of(400, "invalidControlName", "The name is not valid", detail);

    public static IResult ControlNotFound(string kind, string name) => Of(404, "controlNotFound", "There is no such control", $"No control of kind {Shorten(kind)} has the name '{Shorten(name)}'. GET /api/controls lists those there are.");

    public static IResult InstanceNotFound(string name) => Of(404, "instanceNotFound", "There is no such instance", $"No instance has the id '{Shorten(name)}'. GET /api/instances lists those there are.");

    public static IResult NoRetries(string type) => Of(422, "noRetries", "This type is never retried", $"'{Shorten(type)}' runs at most once, so no policy can have it tried again.");

    public static IResult ControlChanged(string? current) => Of(
        412, "preconditionFailed", "The control is another one by now", current is null ? "There is no such control." : $"Its ETag is {current}: read it again.", more: new Dictionary<string, object?> { ["etag"] = current });

    public static IResult ControlContended() => RetryAfter(1, Of(503, "contended", "The control could not be changed", "It changed whenever it was to be written. Send the request again a little later."));

    public static IResult ControlsUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The controls could not be reached", "A store behind the service did not answer. Whether the change was made, GET /api/controls says; sent again, it is made once."));
}
