using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class StopReplay(ReplaysApi replays)
{
    [Function(nameof(StopReplay))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/replays/{id}/stop")] HttpRequest request, string id, CancellationToken cancellation) =>
        replays.StopAsync(request, id, cancellation);
}
