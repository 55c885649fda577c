using Microsoft.AspNetCore.Http;
using Weir.Health;

namespace Weir.Api;

/// <summary>GET /api/health/live and /ready, open to everybody: a load balancer has no key. So they say names and times, and nothing of what a dependency answered.</summary>
public sealed class HealthApi
{
    private readonly Dependencies dependencies;

    internal HealthApi(Dependencies dependencies) => this.dependencies = dependencies;

    /// <summary>The process answers.</summary>
    public IResult Live() => Results.Json(new { status = "live" });

    /// <summary>It can accept jobs: every critical dependency answers. 503 while one does not; degraded, and 200, while another does not.</summary>
    public async Task<IResult> ReadyAsync(CancellationToken cancellation)
    {
        var all = await dependencies.AskAsync(cancellation);
        var missing = all.FirstOrDefault(one => one is { IsCritical: true, IsUp: false }) ?? all.FirstOrDefault(one => !one.IsUp);
        var status = missing is null ? "ready" : missing.IsCritical ? "unavailable" : "degraded";
        return Results.Json(
            new
            {
                status,
                reason = missing is null ? null : $"{missing.Name} does not answer",
                dependencies = all.Select(one => new { name = one.Name, status = one.IsUp ? "up" : "down", critical = one.IsCritical, latencyMs = Math.Round(one.Latency.TotalMilliseconds, 1) }),
            },
            statusCode: status == "unavailable" ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }
}
