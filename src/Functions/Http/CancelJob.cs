using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Api;
using Weir.Workflows;

namespace Functions.Http;

public sealed class CancelJob(CancelApi jobs, Orchestrations orchestrations)
{
    [Function(nameof(CancelJob))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/jobs/{id}")] HttpRequest request, [DurableClient] DurableTaskClient client, string id, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return jobs.CancelAsync(request, id, cancellation);
    }
}
