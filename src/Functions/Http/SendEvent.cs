using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Api;
using Weir.Workflows;

namespace Functions.Http;

public sealed class SendEvent(WorkflowEventsApi events, Orchestrations orchestrations)
{
    [Function(nameof(SendEvent))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/jobs/{id}/events/{name}")] HttpRequest request, [DurableClient] DurableTaskClient client, string id, string name, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return events.SendAsync(request, id, name, cancellation);
    }
}
