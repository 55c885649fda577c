using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Weir.Telemetry;
using Weir.Telemetry.Prometheus;

namespace Functions;

/// <summary>
/// Sends spans, metrics and logs over OTLP, if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to; the other OTEL_ settings hold as OpenTelemetry specifies them
/// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). What is still held when the app stops is sent then. Metrics are collected for GET /api/metrics in any case, from before the first job on.
/// </summary>
internal sealed class TelemetryExport(IConfiguration configuration, IHostEnvironment environment, MetricsCollection collection) : IHostedService, IDisposable
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceName = "OTEL_SERVICE_NAME";

    /// <summary>A collector that is away must not hold up a stop.</summary>
    private const int LastWordMilliseconds = 3_000;

    private TracerProvider? traces;
    private MeterProvider? metrics;

    /// <summary>Logs go the same way as the rest, beside wherever else they go; asked before the app is built.</summary>
    public static void AddLogs(IHostApplicationBuilder builder)
    {
        if (!string.IsNullOrEmpty(builder.Configuration[Endpoint]))
            builder.Logging.AddOpenTelemetry(logs => logs.SetResourceBuilder(ResourceOf(builder.Configuration, builder.Environment)).AddOtlpExporter());
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        collection.Listen();
        if (string.IsNullOrEmpty(configuration[Endpoint]))
            return Task.CompletedTask;
        var resource = ResourceOf(configuration, environment);
        metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource)
            .AddMeter(TelemetryNames.Meter, "System.Runtime", "Microsoft.AspNetCore.Hosting", "System.Net.Http").AddOtlpExporter().Build();
        traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource)
            .AddSource(TelemetryNames.Source, "Microsoft.AspNetCore", "Microsoft.Azure.Functions.Worker", "System.Net.Http").AddOtlpExporter().Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        traces?.ForceFlush(LastWordMilliseconds);
        metrics?.ForceFlush(LastWordMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        traces?.Dispose();
        metrics?.Dispose();
    }

    private static ResourceBuilder ResourceOf(IConfiguration configuration, IHostEnvironment environment) =>
        ResourceBuilder.CreateDefault().AddService(configuration[ServiceName] ?? environment.ApplicationName);
}
