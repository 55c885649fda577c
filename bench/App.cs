using System.Text.Json;
using Azure.Data.Tables;
using Azure.Messaging.ServiceBus.Administration;
using Dashboard;
using Jobs;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Weir;
using Weir.Lanes;
using Weir.Submission;

namespace Bench;

/// <summary>
/// The whole app, built as Program.cs of Functions builds it, with the measured job types beside the sample's: all triggers, timers, loops and the HTTP server
/// run. Only figures differ: 50 jobs at a time, as the peers have it, and no limit on what may wait, so that a queue can be filled before it is drained.
/// </summary>
internal sealed class App : IAsyncDisposable
{
    public const int Concurrency = 50;

    /// <summary>As in host.json.</summary>
    private const int Sessions = 64;

    /// <summary>A type of the app's, so that the host finds its functions: it looks through what the entry assembly references.</summary>
    private static readonly Type Functions = typeof(Functions.ServiceBus.RunDefaultJobs);

    private readonly IHost host;

    private App(IHost host) => this.host = host;

    public Tally Tally => Get<Tally>();

    public JobSubmission Submission => Get<JobSubmission>();

    public BulkSubmission Bulk => Get<BulkSubmission>();

    public TableClient Receipts => Get<TableServiceClient>().GetTableClient("Receipts");

    public int Port { get; private init; }

    /// <param name="data">The data directory.</param>
    /// <param name="runs">Whether it runs jobs of the default queue, or only takes them.</param>
    /// <param name="sessions">How many sessions it serves at once. One tenant's are bounded by its lanes; of more tenants each has lanes of its own.</param>
    public static async Task<App> StartAsync(string data, bool runs, int sessions = Sessions)
    {
        var port = Sockets.FreePort();
        var builder = FunctionsApplication.CreateBuilder([
            "--data", data, "--port", $"{port}",
            $"--AzureWebJobs.{Functions.Name}.Disabled", runs ? "false" : "true",
            "--AzureFunctionsJobHost:extensions:serviceBus:maxConcurrentSessions", $"{sessions}",
            "--Weir:Lanes", $"{Concurrency}",
            "--Weir:Pressure:default:MaxDepth", "100000000",
            "--Weir:Pressure:default:MinDepth", "50000000"]);
        builder.ConfigureFunctionsWebApplication();
        builder.Services.AddAzureConnections(builder.Configuration);
        builder.Services.AddWeir(builder.Configuration).AddSampleJobs(builder.Configuration, development: true).AddJob<RunOnce>().AddJob<RunLeast>().AddJob<RunRetried>();
        builder.Services.AddDashboard();
        builder.Services.AddSingleton<Tally>();
        var host = builder.Build();
        await host.StartAsync();
        return new App(host) { Port = port };
    }

    public async Task SubmitAsync(string type, BenchPayload payload, string tenant = "default")
    {
        var submitted = await Submission.SubmitAsync(Request(type, payload), tenant, null, CancellationToken.None);
        if (submitted is not Submitted.Accepted) // worded only then: a record's text takes 5 µs
            Check.That(false, $"a job is accepted: {submitted}");
    }

    public async Task SubmitAsync(string type, IReadOnlyList<BenchPayload> payloads, string tenant = "default")
    {
        var answers = await Bulk.SubmitAsync([.. payloads.Select(payload => new BulkItem(Request(type, payload), null))], tenant, CancellationToken.None);
        Check.That(answers.All(answer => answer is Submitted.Accepted), "all jobs of a call are accepted");
    }

    /// <summary>Jobs in the default queue whose message is not settled: waiting, in work, or to come later.</summary>
    public async Task<long> UnsettledAsync()
    {
        QueueRuntimeProperties depth = await Get<ServiceBusAdministrationClient>().GetQueueRuntimePropertiesAsync(QueueNames.Default);
        return depth.TotalMessageCount;
    }

    public T Get<T>() where T : notnull => host.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        await ((IAsyncDisposable)host).DisposeAsync();
    }

    private static SubmitRequest Request(string type, BenchPayload payload) => new(type, JsonSerializer.SerializeToElement(payload, JsonSerializerOptions.Web));
}
