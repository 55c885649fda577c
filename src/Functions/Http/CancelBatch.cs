using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class CancelBatch(BatchesApi batches)
{
    [Function(nameof(CancelBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/batches/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.CancelAsync(request, id, cancellation);
}
