using System.Diagnostics;
using Jobs.Downstream;
using Jobs.Probe;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Weir;

namespace Jobs;

/// <summary>Registers the job types of this deployment and what they need. Replace it with your own.</summary>
public static class JobsServices
{
    /// <summary>The setting that serves the probe outside of development, for synthetic monitoring.</summary>
    public const string ProbeEnabled = "Weir:Probe:Enabled";

    public static WeirBuilder AddSampleJobs(this WeirBuilder weir, IConfiguration configuration, bool development)
    {
        weir.AddJobs(typeof(JobsServices).Assembly, handler => handler.Namespace != typeof(RunProbe).Namespace);
        weir.Services.AddHttpClient<DownstreamClient>(http => http.BaseAddress = DownstreamAddress(configuration));
        if (development)
            weir.Services.AddSingleton<SimulatedServices>();
        if (development || configuration.GetValue<bool>(ProbeEnabled))
            weir.AddProbe();
        return weir;
    }

    private static void AddProbe(this WeirBuilder weir)
    {
        weir.AddJob<RunProbe>();
        weir.AddJob<RunOrderedProbe>();
        weir.AddJob<RunLimitedProbe>();
        weir.AddJob<RunBatchProbe>();
        weir.AddJob<RunProbeWorkflow>();
        weir.Services.AddSingleton<ProbeEffects>();
        weir.Services.AddSingleton<ProbeCrash>(static () => Process.GetCurrentProcess().Kill());
        weir.Services.AddHostedService<ProbeSetup>();
    }

    /// <summary>The app itself plays the services unless told where they are. The host says under which name it is reached.</summary>
    private static Uri DownstreamAddress(IConfiguration configuration) =>
        new(configuration["Jobs:Downstream:Address"] ?? $"http://{configuration["WEBSITE_HOSTNAME"] ?? "localhost:7071"}/");

    private sealed class ProbeSetup(ProbeEffects effects) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => effects.CreateIfMissingAsync(cancellationToken);

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
