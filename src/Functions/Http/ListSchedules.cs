using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ListSchedules(SchedulesApi schedules)
{
    [Function(nameof(ListSchedules))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/schedules")] HttpRequest request, CancellationToken cancellation) =>
        schedules.ListAsync(request, cancellation);
}
