using Jobs.Probe;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace Functions.Http;

/// <summary>There only where the probe is: in development, or with <c>Weir:Probe:Enabled</c>.</summary>
public sealed class GetProbeEffects(IServiceProvider services)
{
    [Function(nameof(GetProbeEffects))]
    public async Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/probe/effects/{name}")] HttpRequest request, string name, CancellationToken cancellation) =>
        services.GetService<ProbeEffects>() is { } effects ? await effects.ShowAsync(request, name, cancellation) : Results.NotFound();
}
