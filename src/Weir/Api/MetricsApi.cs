using System.Text;
using Microsoft.AspNetCore.Http;
using Weir.Access;
using Weir.Telemetry;
using Weir.Telemetry.Prometheus;

namespace Weir.Api;

/// <summary>
/// GET /api/metrics: the metrics of the instance that answers, in Prometheus' text format. A key of one tenant sees its own name only: the other tenants' counts are added up under
/// <c>(other)</c>.
/// </summary>
public sealed class MetricsApi
{
    private const string Tenant = "tenant";

    private readonly Admission admission;
    private readonly MetricsCollection metrics;

    internal MetricsApi(Admission admission, MetricsCollection metrics) => (this.admission, this.metrics) = (admission, metrics);

    public IResult Write(HttpRequest request)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        return Results.Text(metrics.Write((label, value) => label == Tenant && !caller.Sees(value) ? BoundedNames.Other : value), PrometheusText.ContentType, Encoding.UTF8);
    }
}
