using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class CancelJob(CancelApi jobs)
{
    [Function(nameof(CancelJob))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/jobs/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        jobs.CancelAsync(request, id, cancellation);
}
