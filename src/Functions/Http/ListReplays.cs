using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListReplays(ReplaysApi replays)
{
    [Function(nameof(ListReplays))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/replays")] HttpRequest request, CancellationToken cancellation) =>
        replays.ListAsync(request, cancellation);
}
