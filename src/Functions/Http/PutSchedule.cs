using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class PutSchedule(SchedulesApi schedules)
{
    [Function(nameof(PutSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/schedules/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.PutAsync(request, name, cancellation);
}
