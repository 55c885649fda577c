namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class DoctorCommandTests(RunningWeir weir)
{
    [Fact]
    public async Task A_sound_server_is_found_sound_and_a_probe_comes_through_every_queue()
    {
        var run = (await weir.RunAsync("doctor", "--probe", "--json")).Expect(ExitCode.Ok);
        var checks = run.Json.GetProperty("checks").EnumerateArray().ToArray();
        Assert.DoesNotContain(checks, check => check.GetProperty("outcome").GetString() == "failed");
        foreach (var area in new[] { "connectivity", "permissions", "clock", "configuration", "host.json", "versions", "reconciler", "synthetic check", "probe" })
            Assert.Contains(checks, check => check.GetProperty("area").GetString() == area);
        foreach (var name in new[] { "tables", "broker", "brokerAdministration", "table Receipts", "table Replays", "queue weir-bulk", "topic weir-events" })
            Assert.Contains(checks, check => check.GetProperty("name").GetString() == name && check.GetProperty("outcome").GetString() == "ok");
        Assert.Contains("looked at", (await weir.RunAsync("doctor")).Expect(ExitCode.Ok).Out);
        (await weir.RunAsync("doctor", "--probe", "--probe-type", "nosuch")).Expect(ExitCode.Failed);
    }

    [Fact]
    public async Task Ready_lists_each_dependency_with_its_latency()
    {
        var ready = (await weir.RunAsync("health", "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal("ready", ready.GetProperty("status").GetString());
        Assert.All(ready.GetProperty("dependencies").EnumerateArray(), one => Assert.Equal("{critical:flag, latencyMs:number, name:text, status:text}", Shape.Of(one).Replace("state", "text", StringComparison.Ordinal)));
        Assert.Contains(ready.GetProperty("dependencies").EnumerateArray(), one => one.GetProperty("name").GetString() == "broker");
    }
}
