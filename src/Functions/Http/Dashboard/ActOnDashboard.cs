using Dashboard;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Weir.Workflows;

namespace Functions.Http;

public sealed class ActOnDashboard(DashboardFace dashboard, Orchestrations orchestrations)
{
    [Function(nameof(ActOnDashboard))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "dashboard/{*path}")] HttpRequest request, [DurableClient] DurableTaskClient client, string? path, CancellationToken cancellation)
    {
        orchestrations.Use(client);
        return dashboard.ActAsync(request, path, cancellation);
    }
}
