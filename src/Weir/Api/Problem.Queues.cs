using Microsoft.AspNetCore.Http;

namespace Weir.Api;

internal static partial class Problem
{
    public static IResult QueuesUnknown(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The queues could not be looked at", "A store behind the service did not answer. Send the request again; submissions are accepted meanwhile."));
}
