using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ResumeBatch(BatchesApi batches)
{
    [Function(nameof(ResumeBatch))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/batches/{id}/resume")] HttpRequest request, string id, CancellationToken cancellation) =>
        batches.ResumeAsync(request, id, cancellation);
}
