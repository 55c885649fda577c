using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class DeleteSchedule(SchedulesApi schedules)
{
    [Function(nameof(DeleteSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "delete", Route = "api/schedules/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.DeleteAsync(request, name, cancellation);
}
