using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetCapacity(CapacityApi capacity)
{
    [Function(nameof(GetCapacity))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/capacity")] HttpRequest request, CancellationToken cancellation) =>
        capacity.AnswerAsync(request, cancellation);
}
