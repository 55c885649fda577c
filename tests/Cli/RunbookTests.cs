using System.Text.Json;
using System.Text.RegularExpressions;
using BlackBox.Tests;

namespace Cli.Tests;

/// <summary>
/// Each page of docs/operations that an alert or an operator comes to is rehearsed: the fault is made, the page's own commands are run, in its order, and the recovery is seen. The commands are taken from
/// the page as they are; only its placeholders (TYPE, JOB, …) are filled.
/// </summary>
public sealed partial class RunbookTests : IAsyncLifetime
{
    /// <summary>
    /// These explain how things are set up; nothing is to be recovered there by commands. The faults of two others take minutes to make, which BlackBox's OverloadTests (pressure.md) and
    /// FindingTests (findings.md) do, over HTTP.
    /// </summary>
    private static readonly string[] NoRunbooks = ["access", "controls", "dashboard", "data-directory", "deploy", "findings", "local", "pressure", "shards"];

    private static readonly (string, string)[] Settings =
        [("Weir__SyntheticCheck__Enabled", "true"), ("Weir__SyntheticCheck__Every", "00:00:05")];

    private readonly DataFolder data = new();
    private WeirProcess weir = null!;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data, Settings);

    [Fact]
    public void Every_runbook_has_a_rehearsal_and_every_rehearsal_a_runbook()
    {
        var pages = Directory.GetFiles(Path.Combine(Root, "docs", "operations"), "*.md").Select(file => Path.GetFileNameWithoutExtension(file)).Except(NoRunbooks).Order(StringComparer.Ordinal);
        Assert.Equal(pages, Rehearsals().Keys.Order(StringComparer.Ordinal));
        Assert.All(NoRunbooks, page => Assert.True(File.Exists(PathOf(page)), page));
    }

    /// <summary>One running app for all of them, one after the other: each takes back what it did.</summary>
    [Fact]
    public async Task The_commands_of_every_page_work_and_bring_the_recovery()
    {
        foreach (var (page, rehearse) in Rehearsals())
        {
            try
            {
                await rehearse();
            }
            catch (Exception failure) when (failure is not RehearsalException)
            {
                throw new RehearsalException($"The rehearsal of docs/operations/{page}.md: {failure.Message}", failure);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (weir is not null)
            await weir.DisposeAsync();
        data.Dispose();
    }

    private SortedDictionary<string, Func<Task>> Rehearsals() => new(StringComparer.Ordinal)
    {
        ["breaker-open"] = BreakerOpenAsync,
        ["dead-letters"] = DeadLettersAsync,
        ["fenced-outcomes"] = FencedOutcomesAsync,
        ["no-instance"] = NoInstanceAsync,
        ["queue-not-draining"] = QueueNotDrainingAsync,
        ["retry-storm"] = RetryStormAsync,
        ["schedules-late"] = SchedulesLateAsync,
        ["store-away"] = StoreAwayAsync,
        ["synthetic-check"] = SyntheticCheckAsync,
        ["type-failing"] = TypeFailingAsync,
    };

    /// <summary>Three have died of one cause, which is mended (a probe succeeds in its second attempt): they are replayed in stages.</summary>
    private async Task DeadLettersAsync()
    {
        string[] ids = [await DeadAsync("runbook-a"), await DeadAsync("runbook-b"), await DeadAsync("runbook-c")];
        var fingerprint = (await RunAsync("dead-letters", "show", ids[0], "--json")).Json.GetProperty("fingerprint").GetString()!;
        var runs = await RunPageAsync("dead-letters", ("FINGERPRINT", fingerprint));
        Assert.Contains("completed", runs[^1].Run.Out);
        foreach (var id in ids)
            Assert.Equal("succeeded", await EndOfAsync(id));
    }

    /// <summary>A type fails: it is paused, mended, let go, and its dead letter replayed.</summary>
    private async Task TypeFailingAsync()
    {
        var id = await DeadAsync("type-failing");
        var waits = await RunPageAsync("type-failing", ("JOB", id), ("TYPE", "probe"));
        Assert.Contains("probe", waits.First(run => run.Command.StartsWith("dead-letters groups", StringComparison.Ordinal)).Run.Out);
        Assert.Equal("succeeded", await EndOfAsync(id));
        Assert.DoesNotContain("fails since the deployment", (await RunAsync("controls list")).Out);
    }

    /// <summary>What hangs is cancelled, and what waits behind it goes on.</summary>
    private async Task QueueNotDrainingAsync()
    {
        var id = await SubmitAsync("""{"failFirst": 1, "failAs": "hang"}""");
        await UntilAsync(async () => (await RunAsync("get", id)).Out.Contains("running", StringComparison.Ordinal), "the job runs");
        var runs = await RunPageAsync("queue-not-draining", ("JOB", id));
        Assert.Contains(id, runs.First(run => run.Command.StartsWith("list --state running", StringComparison.Ordinal)).Run.Out + runs.First(run => run.Command.StartsWith("get", StringComparison.Ordinal)).Run.Out);
        Assert.Equal("cancelled", await EndOfAsync(id));
    }

    /// <summary>The queue is paused so that nothing makes it worse; after it has been taken back, a job runs.</summary>
    private async Task StoreAwayAsync()
    {
        await RunPageAsync("store-away");
        Assert.Contains("the store is throttled", (await RunAsync("controls list")).Out);
        var held = await SubmitAsync("{}", "--priority", "bulk");
        await UntilAsync(async () => (await RunAsync("get", held)).Out.Contains("held", StringComparison.Ordinal), "the job is held");
        (await RunAsync("controls", "clear", "queue", "bulk", "--reason", "it answers again")).Expect(ExitCode.Ok);
        Assert.Equal("succeeded", await EndOfAsync(held));
    }

    private async Task RetryStormAsync()
    {
        var id = await SubmitAsync("""{"failFirst": 1, "failAs": "transient"}""");
        await RunPageAsync("retry-storm", ("JOB", id), ("TYPE", "probe"));
        Assert.Contains("they are overloaded", (await RunAsync("controls list")).Out);
        (await RunAsync("controls", "clear", "policy", "probe", "--reason", "over")).Expect(ExitCode.Ok);
        Assert.Equal("succeeded", await EndOfAsync(id));
    }

    private async Task SchedulesLateAsync()
    {
        (await RunAsync("schedules", "put", "nightly", "--type", "probe", "--cron", "0 3 * * *", "--missed", "all", "--payload", "{}")).Expect(ExitCode.Ok);
        await RunPageAsync("schedules-late", ("NAME", "nightly"), ("TYPE", "probe"));
        var schedule = (await RunAsync("schedules", "get", "nightly", "--json")).Json;
        Assert.Equal("last", schedule.GetProperty("missed").GetString());
        Assert.False(schedule.TryGetProperty("paused", out var paused) && paused.ValueKind == JsonValueKind.Object);
    }

    /// <summary>A job that needs something of the other side fails; the type is paused for as long as they ask for.</summary>
    private async Task BreakerOpenAsync()
    {
        var id = await SubmitAsync("""{"failFirst": 1, "failAs": "transient"}""");
        var runs = await RunPageAsync("breaker-open", ("JOB", id), ("TYPE", "probe"));
        Assert.NotEmpty(runs.First(run => run.Command == "breakers").Run.Out);
        (await RunAsync("controls", "clear", "type", "probe", "--reason", "they are back")).Expect(ExitCode.Ok);
        Assert.Equal("succeeded", await EndOfAsync(id));
    }

    private async Task FencedOutcomesAsync()
    {
        var id = await SubmitAsync("{}");
        Assert.Equal("succeeded", await EndOfAsync(id));
        var instance = await InstanceAsync();
        await RunPageAsync("fenced-outcomes", ("JOB", id), ("INSTANCE", instance));
        Assert.Contains("loses its leases", (await RunAsync("instances")).Out);
        (await RunAsync("controls", "clear", "instance", instance, "--reason", "restarted")).Expect(ExitCode.Ok);
        Assert.Equal("succeeded", await EndOfAsync(await SubmitAsync("{}")));
    }

    /// <summary>The process is killed; its successor takes up what it ran, and counts the lost attempt.</summary>
    private async Task NoInstanceAsync()
    {
        var id = await SubmitAsync("""{"sleepMs": 3000}""");
        await UntilAsync(async () => (await RunAsync("get", id)).Out.Contains("running", StringComparison.Ordinal), "the job runs");
        await weir.KillAsync();
        (await RunAsync("health")).Expect(ExitCode.NotReachable);
        await weir.DisposeAsync();
        weir = await WeirProcess.StartAsync(data, Settings);
        await RunPageAsync("no-instance", ("TYPE", "probe.limited"));
        (await RunAsync("controls", "clear", "type", "probe.limited", "--reason", "mended")).Expect(ExitCode.Ok);
        Assert.Equal("succeeded", await EndOfAsync(id));
        Assert.Contains("workerLost", (await RunAsync("get", id, "--json")).Out);
    }

    /// <summary>The type is paused: the check fails, and goes on when it is let go.</summary>
    private async Task SyntheticCheckAsync()
    {
        await UntilAsync(async () => await SuccessAsync() == 1, "the check succeeds");
        var id = await SubmitAsync("{}");
        await RunPageAsync("synthetic-check", ("JOB", id));
        Assert.Equal(1, await SuccessAsync());
    }

    private async Task<double?> SuccessAsync()
    {
        var found = SuccessLine().Matches(await weir.Http.GetStringAsync("api/metrics")).Select(match => double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        return found.Length == 0 ? null : found.Min();
    }

    /// <summary>All commands of a page, as they stand there.</summary>
    private async Task<IReadOnlyList<(string Command, CommandRun Run)>> RunPageAsync(string page, params (string Name, string Value)[] values)
    {
        var runs = new List<(string, CommandRun)>();
        foreach (var line in CommandsOf(page))
        {
            var command = values.Aggregate(line, (text, value) => Regex.Replace(text, $@"\b{value.Name}\b", value.Value));
            Assert.False(Placeholder().IsMatch(Regex.Replace(command, "\"[^\"]*\"", "")), $"{page}: what is to stand in '{command}'?");
            var run = await RunAsync(Words(command));
            Assert.True(run.ExitCode == ExitCode.Ok, $"{page}: weir {command} ended with {run.ExitCode}.\n{run.Out}\n{run.Error}");
            runs.Add((command, run));
        }
        Assert.NotEmpty(runs);
        return runs;
    }

    /// <summary>Lines of a code block that begin with weir.</summary>
    private static IReadOnlyList<string> CommandsOf(string page) =>
        [.. File.ReadLines(PathOf(page)).Select(line => CommandLine().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value.Trim())];

    private static string[] Words(string command) => [.. WordOrQuoted().Matches(command).Select(match => match.Value.Trim('"', '\''))];

    private Task<CommandRun> RunAsync(string command) => RunAsync(Words(command));

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync([.. args, "--server", $"{weir.Http.BaseAddress}"]);

    private async Task<string> SubmitAsync(string payload, params string[] more) =>
        (await RunAsync(["submit", "probe", "--payload", payload, "--json", .. more])).Expect(ExitCode.Ok).Json.GetProperty("id").GetString()!;

    private async Task<string> EndOfAsync(string id) => (await RunAsync("get", id, "--wait", "60s", "--json")).Json.GetProperty("state").GetString()!;

    private async Task<string> InstanceAsync() =>
        (await RunAsync("instances", "--json")).Json.GetProperty("instances").EnumerateArray().First(one => one.GetProperty("alive").GetBoolean() && one.GetProperty("id").GetString()!.Contains($"-{weir.ProcessId}-", StringComparison.Ordinal)).GetProperty("id").GetString()!;

    private async Task<string> DeadAsync(string note)
    {
        var id = await SubmitAsync($$"""{"failFirst": 1, "failAs": "permanent", "note": "{{note}}"}""");
        await UntilAsync(async () => (await RunAsync("dead-letters", "show", id)).ExitCode == ExitCode.Ok, "the dead letter is in the catalogue");
        return id;
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60), $"Not within a minute: {what}.");
            await Task.Delay(200);
        }
    }

    private static string Root => FindRoot(AppContext.BaseDirectory);

    private static string PathOf(string page) => Path.Combine(Root, "docs", "operations", $"{page}.md");

    private static string FindRoot(string folder) => File.Exists(Path.Combine(folder, "Functions.sln")) ? folder : FindRoot(Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("There is no Functions.sln above the tests."));

    [GeneratedRegex(@"^ {4,}weir (.+)$")]
    private static partial Regex CommandLine();

    [GeneratedRegex("\"[^\"]*\"|'[^']*'|\\S+")]
    private static partial Regex WordOrQuoted();

    [GeneratedRegex(@"\b[A-Z]{3,}\b")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^weir_synthetic_check_success\{[^}]*\} (\S+)", RegexOptions.Multiline)]
    private static partial Regex SuccessLine();

    private sealed class RehearsalException(string message, Exception inner) : Exception(message, inner);
}
