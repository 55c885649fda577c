using Microsoft.AspNetCore.Http;

namespace Weir.Api;

internal static partial class Problem
{
    public static IResult TooManyInFlight(int most, long mostBytes, int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "tooManyInFlight", "Too many submissions are being handled", $"This instance handles at most {most:N0} at once, and holds at most {mostBytes:N0} bytes of them. Nothing of this one was accepted; send it again."));

    public static IResult LimitsNotShown(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The limits could not be shown", "A store behind the service did not answer. Send the request again."));
}
