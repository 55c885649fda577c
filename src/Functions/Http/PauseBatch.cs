using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class PauseBatch(BatchesApi batches)
{
    [Function(nameof(PauseBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/batches/{id}/pause")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.PauseAsync(request, id, cancellation);
}
