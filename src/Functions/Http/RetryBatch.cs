using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class RetryBatch(BatchesApi batches)
{
    [Function(nameof(RetryBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/batches/{id}/retry")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.RetryAsync(request, id, cancellation);
}
