namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class ReplayCommandTests(RunningWeir weir)
{
    [Fact]
    public async Task A_group_is_planned_replayed_in_stages_and_followed_to_its_end()
    {
        string[] ids = [await weir.KillAsync("staged-a"), await weir.KillAsync("staged-b"), await weir.KillAsync("staged-c")];
        var fingerprint = (await weir.RunAsync("dead-letters", "show", ids[0], "--json")).Json.GetProperty("fingerprint").GetString()!;

        var plan = (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--staged", "--dry-run", "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal(ids, plan.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("id").GetString()).Where(ids.Contains));
        Assert.Contains(ids[0], (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--staged", "--dry-run")).Expect(ExitCode.Ok).Out);

        var done = (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--stages", "1,100", "--rate", "50", "--why", "it is mended", "--timeout", "60s", "--json")).Expect(ExitCode.Ok);
        Assert.Equal("completed", done.Json.GetProperty("state").GetString());
        Assert.Contains("Stage 1 of 1", done.Error);
        foreach (var id in ids)
            (await weir.RunAsync("get", id, "--wait", "30s")).Expect(ExitCode.Ok); // its second attempt succeeds

        var replay = done.Json.GetProperty("id").GetString()!;
        Assert.Contains(replay, (await weir.RunAsync("replays", "list")).Expect(ExitCode.Ok).Out);
        Assert.Contains("completed", (await weir.RunAsync("replays", "show", replay)).Expect(ExitCode.Ok).Out);
        Assert.Contains("completed", (await weir.RunAsync("replays", "stop", replay, "--why", "too late")).Expect(ExitCode.Ok).Out); // it stays as it is
        Assert.Contains("replayCompleted", (await weir.RunAsync("replays", "resume", replay)).Expect(ExitCode.Failed).Error);
        (await weir.RunAsync("replays", "show", "nosuch")).Expect(ExitCode.NotFound);
        Assert.Contains("nothingToReplay", (await weir.RunAsync("dead-letters", "replay", "--fingerprint", fingerprint, "--staged")).Expect(ExitCode.Failed).Error);
    }

    [Fact]
    public async Task Stages_that_are_none_are_refused()
    {
        (await weir.RunAsync("dead-letters", "replay", "some-id", "--staged")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "replay", "--staged")).Expect(ExitCode.Usage);
        (await weir.RunAsync("dead-letters", "replay", "--all", "--stages", "1,many")).Expect(ExitCode.Usage);
        var refused = (await weir.RunAsync("dead-letters", "replay", "--all", "--stages", "0", "--rate", "100000", "--stop-at", "2", "--stage-timeout", "5 minutes")).Expect(ExitCode.Failed);
        foreach (var pointer in new[] { "/stages", "/rate", "/stopAtFailureRate", "/stageTimeout" })
            Assert.Contains(pointer, refused.Error);
    }
}
