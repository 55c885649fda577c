using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListBatches(BatchesApi batches)
{
    [Function(nameof(ListBatches))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/batches")] HttpRequest request, CancellationToken cancellation) =>
        batches.ListAsync(request, cancellation);
}
