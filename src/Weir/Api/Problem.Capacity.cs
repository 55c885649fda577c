using Microsoft.AspNetCore.Http;

namespace Weir.Api;

internal static partial class Problem
{
    public static IResult StatisticsUnavailable(int retryAfterSeconds) => RetryAfter(retryAfterSeconds,
        Of(503, "storeUnavailable", "The statistics could not be read", "A store behind the service did not answer. Send the request again, or without type and with serviceTime and arrivalsPerSecond."));
}
