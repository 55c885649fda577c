using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Infra.Tests;

/// <summary>infra/deploy.mjs against stand-ins for the apps and for az: what it does, in which order, and what it leaves behind when a step fails.</summary>
public sealed class DeployScriptTests : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("weir-deploy-");
    private AppStub app = null!;

    private string Log => Path.Combine(folder.FullName, "log");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in for az is a shell script.");
        File.WriteAllText(Log, "");
        app = await AppStub.StartAsync(Log);
        app.Answers["GET /api/instances"] = (200, """{"instances": [{"alive": true, "running": 0}, {"alive": false, "running": 3}]}""");
        var apps = new[] { App("bulk", "bulk", "timers"), App("front", "critical") };
        File.WriteAllText(Path.Combine(folder.FullName, "apps.json"), JsonSerializer.Serialize(apps));
        Az("exit 0");
    }

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
            await app.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Each_app_is_drained_deployed_and_resumed_before_the_next()
    {
        var (exit, output) = await RunAsync();

        Assert.True(exit == 0, output);
        Assert.Equal(
            [
                "PUT /api/controls/queue/bulk", "GET /api/instances", "az app-bulk", "GET /api/health/ready", "DELETE /api/controls/queue/bulk",
                "PUT /api/controls/queue/critical", "GET /api/instances", "az app-front", "GET /api/health/ready", "DELETE /api/controls/queue/critical",
            ],
            File.ReadAllLines(Log));
    }

    [Fact]
    public async Task A_rollback_begins_with_the_app_that_takes_jobs_in()
    {
        var (exit, output) = await RunAsync("--reverse");

        Assert.True(exit == 0, output);
        Assert.Equal(["az app-front", "az app-bulk"], File.ReadAllLines(Log).Where(line => line.StartsWith("az ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_version_without_controls_is_replaced_without_a_pause()
    {
        app.Answers["PUT /api/controls/queue/bulk"] = (404, "{}");
        app.Answers["PUT /api/controls/queue/critical"] = (404, "{}");

        var (exit, output) = await RunAsync();

        Assert.True(exit == 0, output);
        Assert.Contains("bulk is not paused (HTTP 404)", output);
        Assert.DoesNotContain(File.ReadAllLines(Log), line => line.StartsWith("DELETE ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_az_fails_the_queue_goes_on_and_no_other_app_is_touched()
    {
        Az("exit 3");

        var (exit, output) = await RunAsync();

        Assert.Equal(1, exit);
        Assert.Contains("az could not deploy to app-bulk (exit code 3)", output);
        Assert.Equal("DELETE /api/controls/queue/bulk", File.ReadAllLines(Log)[^1]);
    }

    [Fact]
    public async Task An_app_that_does_not_become_ready_ends_it()
    {
        app.Answers["GET /api/health/ready"] = (503, "{}");

        var (exit, output) = await RunAsync("--ready-minutes", "0.02");

        Assert.Equal(1, exit);
        Assert.Contains("was not ready within", output);
        Assert.Equal("DELETE /api/controls/queue/bulk", File.ReadAllLines(Log)[^1]);
        Assert.DoesNotContain("az app-front", File.ReadAllLines(Log));
    }

    [Fact]
    public async Task What_still_runs_when_the_time_is_over_does_not_hold_it_up()
    {
        app.Answers["GET /api/instances"] = (200, """{"instances": [{"alive": true, "running": 2}]}""");

        var (exit, output) = await RunAsync("--drain-minutes", "0.02");

        Assert.True(exit == 0, output);
        Assert.Contains("2 jobs still run", output);
    }

    [Fact]
    public async Task The_first_provisioning_makes_a_key_of_which_only_the_hash_is_kept()
    {
        WriteScript("azd", $"#!/bin/sh\necho \"$*\" >> '{Log}'\n");

        var (exit, output) = await RunAsync("sh", [], "infra/before-provision.sh");
        Assert.True(exit == 0, output);
        var key = Regex.Match(output, "weir_[A-Za-z0-9_-]{43}$", RegexOptions.Multiline).Value;
        Assert.Equal($"env set WEIR_SMOKE_KEY_HASH {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}", File.ReadAllText(Log).Trim());

        (exit, output) = await RunAsync("sh", [("WEIR_SMOKE_KEY_HASH", "there")], "infra/before-provision.sh");
        Assert.Equal((0, ""), (exit, output));
    }

    private object App(string pool, params string[] runs) => new { pool, runs, name = $"app-{pool}", host = app.Address };

    private void Az(string end) =>
        WriteScript("az", $"#!/bin/sh\n[ \"$1 $2 $3 $4\" = 'functionapp deployment source config-zip' ] || exit 9\necho \"az $8\" >> '{Log}'\n{end}\n");

    private void WriteScript(string name, string text)
    {
        var file = Path.Combine(folder.FullName, name);
        File.WriteAllText(file, text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private Task<(int Exit, string Output)> RunAsync(params string[] more) =>
        RunAsync("node", [], ["infra/deploy.mjs", "--package", "weir.zip", "--group", "rg", "--apps", Path.Combine(folder.FullName, "apps.json"), .. more]);

    private async Task<(int Exit, string Output)> RunAsync(string program, (string Name, string Value)[] settings, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{folder.FullName}:{start.Environment["PATH"]}";
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Bound);
        return (process.ExitCode, await output + await error);
    }
}
