using System.Diagnostics;
using BlackBox.Tests;

namespace Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("", "Required command was not provided")]
    [InlineData("bogus", "bogus")]
    [InlineData("get", "Required argument missing")]
    [InlineData("get a b", "b")]
    [InlineData("submit probe --payload {", "The payload is not JSON")]
    [InlineData("submit probe --payload @/nosuch/file", "The payload cannot be read")]
    [InlineData("submit probe --priority slow", "slow")]
    [InlineData("submit probe --unique-mode reject", "belong to a --unique-key")]
    [InlineData("get x --wait soon", "'soon' is no duration")]
    [InlineData("list --limit 0", "--limit is from 1")]
    [InlineData("list --limit many", "many")]
    [InlineData("list --server nowhere", "The server is an address")]
    [InlineData("list --server http://user:secret@localhost", "The server is an address")]
    public async Task Senseless_command_lines_are_2_and_say_why(string line, string expected)
    {
        var run = (await CommandRun.OfAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Expect(ExitCode.Usage);

        Assert.Contains(expected, run.Error);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public async Task A_server_that_is_none_is_3()
    {
        Assert.Contains("does not answer", (await CommandRun.OfAsync("list", "--server", "http://127.0.0.1:9")).Expect(ExitCode.NotReachable).Error);

        var json = (await CommandRun.OfAsync("list", "--server", "http://127.0.0.1:9", "--json")).Expect(ExitCode.NotReachable);
        Assert.Equal("{error:{code:text, detail:text, title:text}}", Shape.Of(json.Json));
        Assert.Equal("notReachable", json.Json.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Also_a_wrong_command_line_is_one_document_with_json() =>
        Assert.Equal("usage", (await CommandRun.OfAsync("get", "--json")).Expect(ExitCode.Usage).Json.GetProperty("error").GetProperty("code").GetString());

    [Fact]
    public async Task A_key_does_not_travel_in_the_open()
    {
        var run = (await CommandRun.OfAsync(["list", "--server", "http://weir.example.org"], new Dictionary<string, string> { ["WEIR_KEY"] = "weir_secret" }, "")).Expect(ExitCode.Usage);

        Assert.Contains("use https", run.Error);
        Assert.DoesNotContain("secret", run.Out + run.Error);
    }

    [Fact]
    public async Task Keys_open_what_they_open_and_are_never_printed()
    {
        using var data = new DataFolder();
        var (reader, submitter) = (new ApiKey("reader", "alpha", "read"), new ApiKey("submitter", "*", "submit read"));
        await using var weir = await WeirProcess.StartAsync(data, [.. reader.Settings, .. submitter.Settings]);
        Task<CommandRun> RunAsync(string? key, params string[] args) => CommandRun.OfAsync(
            args, new Dictionary<string, string> { ["WEIR_SERVER"] = $"{weir.Http.BaseAddress}", ["WEIR_KEY"] = key ?? "" }, "");

        Assert.Contains("unauthenticated", (await RunAsync(null, "list")).Expect(ExitCode.NotAllowed).Error);
        Assert.Contains("unauthenticated", (await RunAsync("weir_wrong", "list")).Expect(ExitCode.NotAllowed).Error);
        (await RunAsync(reader.Text, "list")).Expect(ExitCode.Ok);
        var refused = (await RunAsync(reader.Text, "submit", "probe")).Expect(ExitCode.NotAllowed);
        Assert.Contains("forbidden", refused.Error);
        Assert.DoesNotContain(reader.Text, refused.Out + refused.Error);

        Assert.Contains("tenantMissing", (await RunAsync(submitter.Text, "submit", "probe")).Expect(ExitCode.Failed).Error);
        var accepted = (await RunAsync(submitter.Text, "submit", "probe", "--tenant", "alpha", "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal("alpha", (await RunAsync(submitter.Text, "get", accepted.GetProperty("id").GetString()!, "--json")).Expect(ExitCode.Ok).Json.GetProperty("tenant").GetString());
    }

    [Fact]
    public async Task Every_command_has_help_and_completes()
    {
        var help = (await CommandRun.OfAsync("--help")).Expect(ExitCode.Ok).Out;
        Assert.Contains("Usage:\n  weir [command] [options]", help.ReplaceLineEndings("\n"));
        Assert.Contains("weir dead-letters replay", (await CommandRun.OfAsync("dead-letters", "replay", "-h")).Expect(ExitCode.Ok).Out);

        Assert.Equal("replay\n", (await CommandRun.OfAsync("complete", "--", "weir dead-letters re")).Expect(ExitCode.Ok).Out);
        Assert.Contains("--ordering-key\n", (await CommandRun.OfAsync("complete", "--position", "24", "--", "weir submit probe --order more")).Expect(ExitCode.Ok).Out);
        foreach (var shell in new[] { "bash", "zsh", "pwsh" })
            Assert.Contains("weir complete", (await CommandRun.OfAsync("completion", shell)).Expect(ExitCode.Ok).Out);
    }

    /// <summary>The program as it is built: its exit code, its streams, and Ctrl+C.</summary>
    [Fact]
    public async Task The_program_itself_ends_with_the_exit_code_and_stops_at_an_interrupt()
    {
        var (code, output, error) = await StartAsync("capacity", "--arrivals-per-second", "1", "--service-time", "1s", "--json");
        Assert.True(code == ExitCode.Ok, error);
        Assert.StartsWith("{", output);
        Assert.Equal(ExitCode.Usage, (await StartAsync("nonsense")).Code);

        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        var interrupted = await StartAsync(["load", "--rate", "10", "--duration", "1h", "--json", "--server", $"{weir.Http.BaseAddress}"], async process =>
        {
            for (var tries = 0; tries < 200 && !(await weir.Http.GetStringAsync("api/jobs")).Contains("\"probe\"", StringComparison.Ordinal); tries++)
                await Task.Delay(100);
            using var kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
            await kill.WaitForExitAsync();
        });
        Assert.Equal(ExitCode.Interrupted, interrupted.Code);
        Assert.Contains("\"accepted\"", interrupted.Output);
    }

    private static Task<(int Code, string Output, string Error)> StartAsync(params string[] args) => StartAsync(args, _ => Task.CompletedTask);

    private static async Task<(int Code, string Output, string Error)> StartAsync(string[] args, Func<Process, Task> meanwhile)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(WeirCommand).Assembly.Location, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await meanwhile(process);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
