using System.Globalization;
using System.Text.Json;
using BlackBox.Tests;

namespace Cli.Tests.Runbooks;

/// <summary>Somebody at a terminal, with weir and the metrics of one instance.</summary>
internal sealed class Operator(WeirProcess weir)
{
    /// <summary>Several times what any of it takes on a machine that has nothing else to do.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    public HttpClient Http => weir.Http;

    public Task<CommandRun> RunAsync(string command) => RunAsync(Runbook.Words(command));

    public Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync([.. args, "--server", $"{weir.Http.BaseAddress}"]);

    /// <summary>All commands of a page in their order. Each must succeed, unless the fault makes it end otherwise.</summary>
    /// <param name="page">Its name.</param>
    /// <param name="values">What stands for its placeholders.</param>
    /// <param name="otherwise">By how a command begins: what is looked at, or done, at its first occurrence, before the next one is run.</param>
    public async Task RunPageAsync(string page, (string Name, string Value)[] values, params (string Command, Func<CommandRun, Task> Then)[] otherwise)
    {
        var open = otherwise.ToList();
        foreach (var command in Runbook.CommandsOf(page, values))
        {
            var run = await RunAsync(command);
            if (open.FindIndex(one => command.StartsWith(one.Command, StringComparison.Ordinal)) is var index and >= 0)
            {
                var then = open[index].Then;
                open.RemoveAt(index);
                await then(run);
                continue;
            }
            Assert.True(run.ExitCode == ExitCode.Ok, $"{page}: weir {command} ended with {run.ExitCode}.\n{run.Out}\n{run.Error}");
        }
        Assert.True(open.Count == 0, $"{page} has no command '{string.Join("', '", open.Select(one => one.Command))}' any more.");
    }

    public async Task<string> SubmitAsync(string type, string payload, params string[] more) =>
        (await RunAsync(["submit", type, "--payload", payload, "--json", .. more])).Expect(ExitCode.Ok).Json.GetProperty("id").GetString()!;

    public Task<string[]> SubmitAsync(int count, string payload, params string[] more) => Task.WhenAll(Enumerable.Range(0, count).Select(_ => SubmitAsync("probe", payload, more)));

    public async Task<JsonElement> ShowAsync(string id) => (await RunAsync("get", id, "--json")).Expect(ExitCode.Ok).Json;

    public async Task SucceedsAsync(params string[] ids)
    {
        foreach (var id in ids)
            Assert.Equal("succeeded", (await RunAsync("get", id, "--wait", "90s", "--json")).Json.GetProperty("state").GetString());
    }

    public Task BecomesAsync(string id, string state) => UntilAsync(async () => (await ShowAsync(id)).GetProperty("state").GetString() == state, $"job {id} is {state}");

    /// <summary>The numbers of /api/metrics of one name, with these labels.</summary>
    public async Task<double[]> MetricAsync(string name, params (string Name, string Value)[] labels) =>
    [
        .. (await weir.Http.GetStringAsync("api/metrics")).Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is '{' or ' ')
            .Where(line => labels.All(label => line.Contains($"{label.Name}=\"{label.Value}\"", StringComparison.Ordinal)))
            .Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)),
    ];

    public static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"Not within {Limit.TotalSeconds} s: {what}.");
            await Task.Delay(100);
        }
    }
}
