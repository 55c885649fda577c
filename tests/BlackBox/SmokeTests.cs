using System.Diagnostics;

namespace BlackBox.Tests;

/// <summary>infra/smoke.mjs, which decides whether a deployment goes on to production, against the running product.</summary>
public sealed class SmokeTests
{
    private const string Key = "weir_smokesmokesmokesmokesmokesmokesmokesmoke";
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    private static readonly string Script = Path.GetFullPath(Path.Combine(WeirProcess.Functions, "../../../../../..", "infra", "smoke.mjs"));

    [Fact]
    public async Task It_sends_a_probe_through_every_queue()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, KeyOf("submit read", tenant: "*"));

        var (exit, output) = await RunAsync(weir, Key, "--require-probe", "--tenant", "smoke");

        Assert.True(exit == 0, output);
        Assert.All(new[] { "critical", "default", "bulk" }, queue => Assert.Matches($@"succeeded +{queue} ", output));
    }

    [Fact]
    public async Task It_fails_where_its_key_may_not_submit_and_where_nobody_answers()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, KeyOf("read"));

        var (exit, output) = await RunAsync(weir, Key, "--require-probe");
        Assert.Equal(1, exit);
        Assert.Contains("HTTP 403, forbidden", output);

        await weir.StopAsync();
        (exit, output) = await RunAsync(weir, Key, "--require-probe", "--minutes", "0.02");
        Assert.Equal(1, exit);
        Assert.Contains("was not ready within", output);
    }

    /// <summary>infra/deploy.mjs, with a stand-in for az: the product understands how it pauses and resumes.</summary>
    [Fact]
    public async Task A_deployment_pauses_the_queues_of_an_app_and_resumes_them()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, KeyOf("submit read operate", tenant: "*"));
        using var tools = new DataFolder();
        File.WriteAllText(Path.Combine(tools.Path, "az"), "#!/bin/sh\nexit 0\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path.Combine(tools.Path, "az"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var apps = Path.Combine(tools.Path, "apps.json");
        File.WriteAllText(apps, $$"""[{"pool": "all", "runs": ["default", "bulk"], "name": "weir", "host": "http://127.0.0.1:{{weir.Port}}"}]""");

        var (exit, output) = await RunAsync(Key, tools.Path, [Path.Combine(Path.GetDirectoryName(Script)!, "deploy.mjs"), "--package", "weir.zip", "--group", "rg", "--apps", apps]);

        Assert.True(exit == 0, output);
        Assert.All(new[] { "paused default", "paused bulk", "nothing runs", "resumed default", "resumed bulk" }, line => Assert.Contains(line, output));
    }

    private static (string, string)[] KeyOf(string scopes, string tenant = "default") =>
        [("Weir__Keys__smoke__Hash", Hash), ("Weir__Keys__smoke__Tenant", tenant), ("Weir__Keys__smoke__Scopes", scopes)];

    private static string Hash => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Key)));

    private static Task<(int Exit, string Output)> RunAsync(WeirProcess weir, string key, params string[] more) =>
        RunAsync(key, tools: null, [Script, "--url", $"http://127.0.0.1:{weir.Port}", .. more]);

    private static async Task<(int Exit, string Output)> RunAsync(string key, string? tools, string[] arguments)
    {
        var start = new ProcessStartInfo("node", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WEIR_KEY"] = key;
        if (tools is not null)
            start.Environment["PATH"] = $"{tools}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Bound);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        return (process.ExitCode, await output + await error);
    }
}
