using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetMetrics(MetricsApi metrics)
{
    [Function(nameof(GetMetrics))]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/metrics")] HttpRequest request) => metrics.Write(request);
}
