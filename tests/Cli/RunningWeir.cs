using BlackBox.Tests;

namespace Cli.Tests;

/// <summary>One instance for all tests that need no settings of their own.</summary>
public sealed class RunningWeir : IAsyncLifetime
{
    private readonly DataFolder data = new();

    internal WeirProcess Process { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Process = await WeirProcess.StartAsync(data);

    /// <summary>weir, with this server.</summary>
    internal Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync([.. args, "--server", $"{Process.Http.BaseAddress}"]);

    /// <summary>Submits a probe and returns its id.</summary>
    internal async Task<string> SubmitAsync(string payload, params string[] more)
    {
        var run = await RunAsync(["submit", "probe", "--payload", payload, "--json", .. more]);
        return run.Json.GetProperty("id").GetString()!;
    }

    /// <summary>A dead letter that is in the catalogue.</summary>
    internal async Task<string> KillAsync(string note)
    {
        var id = await SubmitAsync($$"""{"failFirst": 1, "failAs": "permanent", "note": "{{note}}"}""", "--wait", "30s");
        for (var tries = 0; (await RunAsync("dead-letters", "show", id)).ExitCode != ExitCode.Ok; tries++)
        {
            Assert.True(tries < 100, "The dead letter does not come into the catalogue.");
            await Task.Delay(100);
        }
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
            await Process.DisposeAsync();
        data.Dispose();
    }
}

[CollectionDefinition(Name)]
public sealed class OneWeir : ICollectionFixture<RunningWeir>
{
    public const string Name = "One running Weir";
}
