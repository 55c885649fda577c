using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Weir.Catalog;
using Weir.Submission;

namespace Weir.Api;

/// <summary>
/// The errors of the HTTP API: application/problem+json (RFC 9457) with a <c>code</c> that a client can switch on. Codes are part of
/// the contract: add, never rename.
/// </summary>
internal static partial class Problem
{
    public static IResult MalformedJson(string detail) => Of(400, "malformedJson", "The body is not JSON", detail);

    public static IResult InvalidRequest(IReadOnlyList<ContractError> errors) =>
        Of(400, "invalidRequest", "The request is not as expected", "See errors, by JSON pointer.", errors);

    public static IResult InvalidIdempotencyKey(string detail) => Of(400, "invalidIdempotencyKey", "The Idempotency-Key is not valid", detail);

    public static IResult InvalidWait(string detail) => Of(400, "invalidWait", "The wait is not valid", detail);

    public static IResult InvalidQuery(string detail) => Of(400, "invalidQuery", "The query is not as expected", detail);

    public static IResult InvalidTenant() => Of(400, "invalidTenant", "The tenant is not valid", "Weir-Tenant is 1 to 64 letters, digits, dashes and underscores, once.");

    public static IResult TenantMissing(string caller) =>
        Of(400, "tenantMissing", "For which tenant?", $"'{caller}' may act for every tenant: say for which, in the header Weir-Tenant.");

    public static IResult Unauthenticated(bool presented) => new WithHeader("WWW-Authenticate", "Bearer", Of(401, "unauthenticated", "Who are you?", presented
        ? "The key that came with the request is not known here."
        : "Send a key, as 'Authorization: Bearer weir_…' or 'X-Api-Key: weir_…'."));

    public static IResult Forbidden(string detail) => Of(403, "forbidden", "You may not do this", detail);

    public static IResult JobNotFound(string id) => Of(404, "jobNotFound", "There is no such job", $"No job has the id '{Shorten(id)}'.");

    public static IResult InvalidReason(string detail) => Of(400, "invalidReason", "The reason is not valid", detail);

    public static IResult JobFinal(string id, JobState state) => Of(409, "jobFinal", "The job has ended", $"Job {id} is {JsonNamingPolicy.CamelCase.ConvertName(state.ToString())}: there is nothing to cancel.");

    public static IResult NotUnique(string detail, string jobId) => Of(409, "notUnique", "Another job holds the unique key", detail, more: new Dictionary<string, object?> { ["jobId"] = jobId });

    public static IResult TooManyItems(int most) => Of(413, "tooManyItems", "The request has too many items", $"The most is {most:N0}; send the rest in another request.");

    /// <summary>Of a method or a path that nothing answers.</summary>
    public static IResult NoSuchRoute(string method, string? path) => Of(404, "noSuchRoute", "There is nothing here", $"Nothing answers {Shorten(method)} {Shorten(path ?? "/")}.");

    public static IResult BodyTooSlow(string detail) => Of(408, "bodyTooSlow", "The body did not come in time", $"{detail} Nothing was accepted; send the request again.");

    public static IResult BrokenBody() => Of(400, "brokenBody", "The body did not come whole", "What came is not framed as its headers say (Content-Length, chunks). Nothing was accepted.");

    public static IResult BodyTooLarge(long most) => Of(413, "bodyTooLarge", "The body is too large", $"The most is {most:N0} bytes.");

    public static IResult UnsupportedMediaType(string? got, string expected) =>
        Of(415, "unsupportedMediaType", "The content type is not supported", $"Expected {expected}, got {(string.IsNullOrEmpty(got) ? "none" : Shorten(got))}.");

    public static IResult UnknownType(string detail) => Of(422, "unknownType", "There is no such job type", detail);

    public static IResult VersionTooNew(string detail) => Of(422, "versionTooNew", "The contract version is not served yet", detail);

    public static IResult VersionTooOld(string detail) => Of(422, "versionTooOld", "The contract version is not served any more", detail);

    public static IResult ContractViolation(string detail, IReadOnlyList<ContractError> errors) =>
        Of(422, "contractViolation", "The payload breaks its contract", detail, errors);

    public static IResult IdempotencyKeyReused(string detail) => Of(422, "idempotencyKeyReused", "The Idempotency-Key was used for another request", detail);

    public static IResult CallbackRefused(string detail) => Of(422, "callbackRefused", "The callbackUrl cannot be called", detail);

    public static IResult StoreUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The job could not be accepted", "A store behind the service did not answer. Send the request again with the same Idempotency-Key."));

    public static IResult NotShown(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The job could not be looked up", "A store behind the service did not answer. Send the request again."));

    public static IResult NotCancelled(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The job could not be cancelled", "A store behind the service did not answer. Send the request again; a job that is cancelled already says so."));

    public static IResult Contended(string detail, int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "contended", "The job could not be accepted", $"{detail} Send the request again a little later."));

    /// <summary>429, or 503: nothing is wrong with the request, and Retry-After says when it is worth sending again.</summary>
    public static IResult NoRoom(Backoff backoff) => RetryAfter((int)Math.Ceiling(backoff.RetryAfter.TotalSeconds),
        Of(backoff.IsUnavailable ? 503 : 429, backoff.Code, "There is no room for the job now", backoff.Detail, more: backoff.Members));

    private static IResult Of(int status, string code, string title, string detail, IReadOnlyList<ContractError>? errors = null, IReadOnlyDictionary<string, object?>? more = null)
    {
        var extensions = new Dictionary<string, object?>
        {
            ["code"] = code,
            ["traceId"] = Activity.Current?.TraceId.ToString(),
        };
        foreach (var (name, value) in more ?? new Dictionary<string, object?>())
            extensions[name] = value;
        if (errors is { Count: > 0 })
            extensions["errors"] = errors.Take(ContractError.Most).GroupBy(error => ShortenPointer(error.Pointer)).ToDictionary(group => group.Key, group => group.Select(error => error.Detail).ToArray());
        return Results.Problem(detail, statusCode: status, title: title, type: $"urn:weir:problem:{code}", extensions: extensions);
    }

    /// <summary>A problem that stands in the answer to something larger.</summary>
    public static ProblemDetails DetailsOf(IResult problem) => problem switch
    {
        WithHeader wrapped => DetailsOf(wrapped.Problem),
        Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult one => one.ProblemDetails,
        _ => throw new UnreachableException(problem.GetType().Name),
    };

    private static string Shorten(string text) => text.Length <= 80 ? text : $"{text[..(char.IsHighSurrogate(text[79]) ? 79 : 80)]}…";

    /// <summary>A field's name comes from the body, and so does its length.</summary>
    private static string ShortenPointer(string pointer) => pointer.Length <= 300 ? pointer : $"{pointer[..(char.IsHighSurrogate(pointer[299]) ? 299 : 300)]}…";

    private static WithHeader RetryAfter(int seconds, IResult problem) => new("Retry-After", seconds.ToString(System.Globalization.CultureInfo.InvariantCulture), problem);

    private sealed class WithHeader(string name, string value, IResult problem) : IResult
    {
        public IResult Problem => problem;

        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers[name] = value;
            return problem.ExecuteAsync(httpContext);
        }
    }
}
