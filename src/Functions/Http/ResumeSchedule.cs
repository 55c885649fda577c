using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class ResumeSchedule(SchedulesApi schedules)
{
    [Function(nameof(ResumeSchedule))]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/schedules/{name}/resume")] HttpRequest request, string name, CancellationToken cancellation) =>
        schedules.ResumeAsync(request, name, cancellation);
}
