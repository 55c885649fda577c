namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class DeadLetterCommandTests(RunningWeir weir)
{
    [Fact]
    public async Task One_is_found_shown_mended_and_replayed()
    {
        var id = await weir.KillAsync("first");

        Assert.Contains(id, (await weir.RunAsync("dead-letters", "list", "--type", "probe", "--state", "open")).Expect(ExitCode.Ok).Out);
        Assert.Contains("permanent", (await weir.RunAsync("dead-letters", "groups")).Expect(ExitCode.Ok).Out);
        var shown = (await weir.RunAsync("dead-letters", "show", id)).Expect(ExitCode.Ok).Out;
        Assert.Contains("Attempt 1 fails for good", shown);
        Assert.Contains("first", shown);

        Assert.Contains("contractViolation", (await weir.RunAsync("dead-letters", "replay", id, "--payload", """{"x": 1}""")).Expect(ExitCode.Failed).Error);
        (await weir.RunAsync("dead-letters", "replay", id, "--payload", """{"note": "mended"}""", "--why", "a typing error")).Expect(ExitCode.Ok);
        Assert.Contains("mended", (await weir.RunAsync("get", id, "--wait", "30s")).Expect(ExitCode.Ok).Out);
    }

    [Fact]
    public async Task Many_are_counted_first_and_replayed_then()
    {
        string[] ids = [await weir.KillAsync("a"), await weir.KillAsync("b")];
        var fingerprint = (await weir.RunAsync("dead-letters", "show", ids[0], "--json")).Json.GetProperty("fingerprint").GetString()!;

        var dry = (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--dry-run", "--json")).Expect(ExitCode.Ok);
        Assert.Equal("{dryRun:flag, failed:[], matched:number, replayed:number, skipped:number}", Shape.Of(dry.Json));
        Assert.True(dry.Json.GetProperty("matched").GetInt32() >= 2);
        Assert.Equal(0, dry.Json.GetProperty("replayed").GetInt32());

        var done = (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--json")).Expect(ExitCode.Ok).Json;
        Assert.True(done.GetProperty("replayed").GetInt32() >= 2);
        foreach (var id in ids)
            (await weir.RunAsync("get", id, "--wait", "30s")).Expect(ExitCode.Ok); // its second attempt succeeds
    }

    [Fact]
    public async Task One_is_given_up_with_a_reason()
    {
        var id = await weir.KillAsync("hopeless");
        (await weir.RunAsync("dead-letters", "discard", id)).Expect(ExitCode.Usage);

        Assert.Contains("discarded", (await weir.RunAsync("dead-letters", "discard", id, "--reason", "the customer has left")).Expect(ExitCode.Ok).Out);

        Assert.Contains("discarded", (await weir.RunAsync("dead-letters", "replay", id)).Expect(ExitCode.Failed).Error);
    }

    [Fact]
    public async Task A_replay_that_does_not_say_which_is_refused_here()
    {
        (await weir.RunAsync("dead-letters", "replay")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "replay", "--all", "--type", "probe")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "replay", "some-id", "--dry-run")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "replay", "--all", "--payload", "{}")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "show", "nosuch")).Expect(ExitCode.NotFound);
    }
}
