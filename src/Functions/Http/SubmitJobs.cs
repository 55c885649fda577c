using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class SubmitJobs(BulkApi jobs)
{
    [Function(nameof(SubmitJobs))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/jobs/bulk")] HttpRequest request, CancellationToken cancellation) =>
        jobs.SubmitAsync(request, cancellation);
}
