using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class SubmitBatch(BatchesApi batches)
{
    [Function(nameof(SubmitBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/batches")] HttpRequest request, CancellationToken cancellation) =>
        batches.SubmitAsync(request, cancellation);
}
