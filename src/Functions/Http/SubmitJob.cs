using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class SubmitJob(JobsApi jobs)
{
    [Function(nameof(SubmitJob))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/jobs")] HttpRequest request, CancellationToken cancellation) =>
        jobs.SubmitAsync(request, cancellation);
}
