using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetSchedule(SchedulesApi schedules)
{
    [Function(nameof(GetSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/schedules/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.GetAsync(request, name, cancellation);
}
