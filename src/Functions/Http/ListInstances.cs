using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListInstances(ListsApi lists)
{
    [Function(nameof(ListInstances))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/instances")] HttpRequest request, CancellationToken cancellation) =>
        lists.InstancesAsync(request, cancellation);
}
