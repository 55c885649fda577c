using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetStatistics(StatisticsApi statistics)
{
    [Function(nameof(GetStatistics))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/statistics")] HttpRequest request, CancellationToken cancellation) =>
        statistics.ReadAsync(request, cancellation);
}
