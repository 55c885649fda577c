using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListLimits(LimitsApi limits)
{
    [Function(nameof(ListLimits))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/limits")] HttpRequest request, CancellationToken cancellation) =>
        limits.ListAsync(request, cancellation);
}
