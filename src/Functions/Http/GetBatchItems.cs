using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetBatchItems(BatchesApi batches)
{
    [Function(nameof(GetBatchItems))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/batches/{id}/items")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.ItemsAsync(request, id, cancellation);
}
