using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetJob(JobsApi jobs)
{
    [Function(nameof(GetJob))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/jobs/{id}")] HttpRequest request, string id, CancellationToken cancellation) =>
        jobs.GetAsync(request, id, cancellation);
}
