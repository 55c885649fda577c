using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class RunSchedule(SchedulesApi schedules)
{
    [Function(nameof(RunSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/schedules/{name}/run")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.RunAsync(request, name, cancellation);
}
