using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class PauseSchedule(SchedulesApi schedules)
{
    [Function(nameof(PauseSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/schedules/{name}/pause")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.PauseAsync(request, name, cancellation);
}
