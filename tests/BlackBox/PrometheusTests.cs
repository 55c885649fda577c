using System.Diagnostics;
using System.Net;
using System.Text.Json;
using BlackBox.Tests.Chaos;

namespace BlackBox.Tests;

/// <summary>
/// GET /api/metrics as a real Prometheus reads it. Needs prometheus and promtool (Debian: prometheus); without them these tests are skipped, but for what needs no tool.
/// </summary>
public sealed class PrometheusTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    private readonly DataFolder data = new();
    private readonly ApiKey everywhere = new("prometheus", "*", "read");
    private readonly ApiKey bound = new("reader", "alpha", "read");
    private readonly ApiKey alpha = new("alpha", "alpha", "submit read");
    private readonly ApiKey beta = new("beta", "beta", "submit read");
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync()
    {
        weir = await WeirProcess.StartAsync(data, [.. new[] { everywhere, bound, alpha, beta }.SelectMany(key => key.Settings), ("Weir__Retries__standard__Base", "00:00:00.1")]);
    }

    public async ValueTask DisposeAsync()
    {
        if (weir is not null)
            await weir.DisposeAsync();
        data.Dispose();
    }

    [Fact]
    public async Task A_scrape_by_prometheus_sees_as_many_jobs_as_were_submitted_and_promtool_has_no_complaint()
    {
        Need("prometheus", "promtool");
        await SubmitAsync();
        var checking = await RunAsync("promtool", ["check", "metrics"], await TextAsync(everywhere));
        Assert.Equal((0, ""), checking);

        using var folder = new DataFolder();
        var port = WeirProcess.FreePort();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "key"), everywhere.Text);
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "prometheus.yml"), $$"""
            global: {scrape_interval: 1s, scrape_timeout: 1s}
            scrape_configs:
              - job_name: weir
                metrics_path: /api/metrics
                authorization: {credentials_file: '{{folder.Path}}/key'}
                static_configs: [{targets: ['127.0.0.1:{{weir.Port}}']}]
            """);
        using var prometheus = Process.Start(new ProcessStartInfo("prometheus",
            [$"--config.file={folder.Path}/prometheus.yml", $"--storage.tsdb.path={folder.Path}/tsdb", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]))!;
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = Bound };
            await ChaosScale.UntilAsync(async () => await QueryAsync(http, "sum(weir_jobs_submitted_total)") == "11", "a scrape");
            Assert.Equal("7", await QueryAsync(http, "sum(weir_jobs_submitted_total{tenant='alpha',type='probe',queue='default'})"));
            Assert.Equal("10", await QueryAsync(http, "sum(weir_jobs_succeeded_total)"));
            Assert.Equal("1", await QueryAsync(http, "sum(weir_jobs_dead_lettered_total{reason='permanent'})"));
            Assert.Equal("1", await QueryAsync(http, "sum(weir_jobs_retried_total{class='transient'})"));
            Assert.Equal("12", await QueryAsync(http, "sum(weir_job_run_seconds_count)"));
            Assert.Equal("12", await QueryAsync(http, "sum(weir_job_run_seconds_bucket{le='+Inf'})"));
            Assert.Equal("0", await QueryAsync(http, "sum(weir_jobs_in_flight)"));
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync().WaitAsync(Bound);
        }
    }

    [Fact]
    public async Task A_key_of_one_tenant_does_not_learn_the_others_names()
    {
        await SubmitAsync();
        var text = await TextAsync(bound);
        Assert.DoesNotContain("beta", text);
        Assert.Contains("""weir_jobs_submitted_total{queue="default",tenant="alpha",type="probe"} 7""", text);
        Assert.Contains("""weir_jobs_submitted_total{queue="default",tenant="(other)",type="probe"} 4""", text);
        Assert.Contains("""weir_jobs_submitted_total{queue="default",tenant="beta",type="probe"} 4""", await TextAsync(everywhere));
    }

    /// <summary>Seven of alpha, one of which is tried twice, and four of beta, one of which dies; all have ended.</summary>
    private async Task SubmitAsync()
    {
        using var one = alpha.Client(weir);
        using var other = beta.Client(weir);
        var ids = new List<(HttpClient Http, string Id)>();
        for (var job = 0; job < 7; job++)
            ids.Add((one, await one.SubmitAsync("probe", new { failFirst = job == 0 ? 1 : 0, failAs = "transient" })));
        for (var job = 0; job < 4; job++)
            ids.Add((other, await other.SubmitAsync("probe", new { failFirst = job == 0 ? 9 : 0, failAs = "permanent" })));
        foreach (var (http, id) in ids)
            await http.FinalAsync(id);
    }

    private async Task<string> TextAsync(ApiKey key)
    {
        using var http = key.Client(weir);
        using var response = await http.GetAsync("api/metrics");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<string?> QueryAsync(HttpClient http, string query)
    {
        try
        {
            var answer = JsonElement.Parse(await http.GetStringAsync($"api/v1/query?query={Uri.EscapeDataString(query)}"));
            return answer.GetProperty("data").GetProperty("result") is var result && result.GetArrayLength() == 1 ? result[0].GetProperty("value")[1].GetString() : null;
        }
        catch (HttpRequestException)
        {
            return null; // it is not up yet
        }
    }

    private static void Need(params string[] tools)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (tools.FirstOrDefault(tool => !folders.Any(folder => File.Exists(Path.Combine(folder, tool)))) is { } missing)
            Assert.Skip($"{missing} is not installed (apt-get install prometheus).");
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, string[] arguments, string input)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(Bound);
        return (process.ExitCode, await output + await error);
    }
}
