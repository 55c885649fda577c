using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetBatch(BatchesApi batches)
{
    [Function(nameof(GetBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/batches/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.GetAsync(request, id, cancellation);
}
