namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class LookCommandTests(RunningWeir weir)
{
    [Theory]
    [InlineData("instances", "instances")]
    [InlineData("breakers", "breakers")]
    [InlineData("findings", "findings")]
    [InlineData("catalog", "types")]
    [InlineData("list", "jobs")]
    [InlineData("dead-letters list", "deadLetters")]
    [InlineData("dead-letters groups", "groups")]
    [InlineData("batches list", "batches")]
    [InlineData("schedules list", "schedules")]
    public async Task Every_list_is_a_table_or_one_document(string command, string list)
    {
        var table = (await weir.RunAsync(command.Split(' '))).Expect(ExitCode.Ok);
        Assert.NotEqual("", table.Out.Trim());
        Assert.Equal("", table.Error);

        Assert.Equal(System.Text.Json.JsonValueKind.Array, (await weir.RunAsync([.. command.Split(' '), "--json"])).Expect(ExitCode.Ok).Json.GetProperty(list).ValueKind);
    }

    [Fact]
    public async Task A_type_shows_its_contract_and_the_server_its_health()
    {
        Assert.Contains("sleepMs", (await weir.RunAsync("catalog", "probe")).Expect(ExitCode.Ok).Out);
        Assert.Contains("ready", (await weir.RunAsync("health")).Expect(ExitCode.Ok).Out);
    }

    [Fact]
    public async Task Queues_say_how_deep_they_are()
    {
        var run = (await weir.RunAsync("queues")).Expect(ExitCode.Ok);
        Assert.All(new[] { "critical", "default", "bulk", "normal" }, word => Assert.Contains(word, run.Out));
    }

    [Fact]
    public async Task Limits_say_how_much_of_them_is_taken()
    {
        Assert.Contains("maxRequests", (await weir.RunAsync("limits")).Expect(ExitCode.Ok).Out);
    }

    [Fact]
    public async Task A_control_is_set_shown_and_cleared()
    {
        Assert.Contains("the printer is out", (await weir.RunAsync("controls", "set", "type", "avatar.render", "--reason", "the printer is out", "--for", "PT10M")).Expect(ExitCode.Ok).Out);
        Assert.Contains("avatar.render", (await weir.RunAsync("controls", "list")).Expect(ExitCode.Ok).Out);
        Assert.Equal("{cleared:{kind:text, name:text}}", Shape.Of((await weir.RunAsync("controls", "clear", "type", "avatar.render", "--json")).Expect(ExitCode.Ok).Json));
        Assert.Contains("the printer is out", (await weir.RunAsync("controls", "audit")).Expect(ExitCode.Ok).Out);

        (await weir.RunAsync("controls", "clear", "type", "avatar.render")).Expect(ExitCode.NotFound);
        (await weir.RunAsync("controls", "set", "type", "nosuch", "--reason", "x")).Expect(ExitCode.NotFound);
        (await weir.RunAsync("controls", "set", "queue", "bulk")).Expect(ExitCode.Usage); // a control says why
        (await weir.RunAsync("controls", "set", "feature", "new-checkout", "--percentage", "10", "--per", "tenant", "--reason", "try it")).Expect(ExitCode.Ok);
        (await weir.RunAsync("controls", "clear", "feature", "new-checkout")).Expect(ExitCode.Ok);
    }
}
