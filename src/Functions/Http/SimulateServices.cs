using Jobs.Downstream;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace Functions.Http;

/// <summary>The sample jobs' outside world, in development only: see it, steer it, call it.</summary>
public sealed class SimulateServices(IServiceProvider services)
{
    [Function("ListSimulatedServices")]
    public IResult List([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "sim")] HttpRequest request) =>
        services.GetService<SimulatedServices>() is { } simulated ? simulated.List() : Results.NotFound();

    [Function("SetSimulatedService")]
    public async Task<IResult> SetAsync([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "sim/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        services.GetService<SimulatedServices>() is { } simulated ? await simulated.SetAsync(request, name, cancellation) : Results.NotFound();

    [Function("CallSimulatedService")]
    public async Task<IResult> CallAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "sim/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        services.GetService<SimulatedServices>() is { } simulated ? await simulated.CallAsync(request, name, cancellation) : Results.NotFound();
}
