using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Weir.Telemetry;

namespace Functions;

/// <summary>
/// Sends spans over OTLP, if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to; the other OTEL_ settings hold as OpenTelemetry specifies them
/// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). What is still held when the app stops is sent then.
/// </summary>
internal sealed class TelemetryExport(IConfiguration configuration, IHostEnvironment environment) : IHostedService, IDisposable
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceName = "OTEL_SERVICE_NAME";

    /// <summary>A collector that is away must not hold up a stop.</summary>
    private const int LastWordMilliseconds = 3_000;

    private TracerProvider? traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(configuration[Endpoint]))
            return Task.CompletedTask;
        var resource = ResourceBuilder.CreateDefault().AddService(configuration[ServiceName] ?? environment.ApplicationName);
        traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource)
            .AddSource(TelemetryNames.Source, "Microsoft.AspNetCore", "Microsoft.Azure.Functions.Worker", "System.Net.Http").AddOtlpExporter().Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        traces?.ForceFlush(LastWordMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose() => traces?.Dispose();
}
