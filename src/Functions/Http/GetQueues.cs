using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetQueues(QueuesApi queues)
{
    [Function(nameof(GetQueues))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/queues")] HttpRequest request, CancellationToken cancellation) => queues.ListAsync(request, cancellation);
}
