using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetReplay(ReplaysApi replays)
{
    [Function(nameof(GetReplay))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/replays/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        replays.GetAsync(request, id, cancellation);
}
