using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ResumeReplay(ReplaysApi replays)
{
    [Function(nameof(ResumeReplay))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/replays/{id}/resume")] HttpRequest request, string id, CancellationToken cancellation) =>
        replays.ResumeAsync(request, id, cancellation);
}
