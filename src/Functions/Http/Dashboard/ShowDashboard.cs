using Dashboard;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Functions.Http;

public sealed class ShowDashboard(DashboardFace dashboard)
{
    [Function(nameof(ShowDashboard))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "dashboard/{*path}")] HttpRequest request, string? path, CancellationToken cancellation) =>
        dashboard.ShowAsync(request, path, cancellation);
}
