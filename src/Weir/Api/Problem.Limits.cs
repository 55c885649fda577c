using Microsoft.AspNetCore.Http;

namespace Weir.Api;

internal static partial class Problem
{
    public static IResult TooManyInFlight(int most, int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "tooManyInFlight", "Too many submissions are being handled", $"This instance handles at most {most:N0} at once, and a bounded number of bytes. Nothing was read of this one; send it again."));

    public static IResult LimitsNotShown(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The limits could not be shown", "A store behind the service did not answer. Send the request again."));
}
