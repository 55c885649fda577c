namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class ScheduleCommandTests(RunningWeir weir)
{
    [Fact]
    public async Task A_schedule_is_made_shown_run_paused_resumed_and_deleted()
    {
        var put = (await weir.RunAsync("schedules", "put", "cli-nightly", "--type", "probe", "--cron", "30 2 * * *", "--time-zone", "Europe/Berlin", "--overlap", "skip", "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal(("Europe/Berlin", "skip"), (put.GetProperty("timeZone").GetString(), put.GetProperty("overlap").GetString()));
        Assert.Contains("cli-nightly", (await weir.RunAsync("schedules", "list")).Expect(ExitCode.Ok).Out);
        Assert.Contains("30 2 * * *", (await weir.RunAsync("schedules", "get", "cli-nightly")).Expect(ExitCode.Ok).Out);

        var job = (await weir.RunAsync("schedules", "run", "cli-nightly", "--idempotency-key", "now-1", "--json")).Expect(ExitCode.Ok).Json.GetProperty("id").GetString()!;
        (await weir.RunAsync("get", job, "--wait", "30s")).Expect(ExitCode.Ok);

        Assert.Contains("a holiday", (await weir.RunAsync("schedules", "pause", "cli-nightly", "--reason", "a holiday")).Expect(ExitCode.Ok).Out);
        Assert.Contains("active", (await weir.RunAsync("schedules", "resume", "cli-nightly")).Expect(ExitCode.Ok).Out);
        var deleted = (await weir.RunAsync("schedules", "delete", "cli-nightly", "--json")).Expect(ExitCode.Ok).Json;
        Assert.Equal("{deleted:text}", Shape.Of(deleted));
        (await weir.RunAsync("schedules", "get", "cli-nightly")).Expect(ExitCode.NotFound);
    }

    [Fact]
    public async Task A_whole_schedule_as_JSON_and_what_is_wrong_with_one()
    {
        (await weir.RunAsync("schedules", "put", "cli-file", "--file", """{"type": "probe", "payload": {"note": "x"}, "cron": "0 0 1 1 *"}""", "--cron", "0 0 2 1 *")).Expect(ExitCode.Ok);
        Assert.Contains("0 0 2 1 *", (await weir.RunAsync("schedules", "get", "cli-file")).Expect(ExitCode.Ok).Out);
        await weir.RunAsync("schedules", "delete", "cli-file");

        Assert.Contains("invalidCron", (await weir.RunAsync("schedules", "put", "cli-wrong", "--type", "probe", "--cron", "61 * * * *")).Expect(ExitCode.Failed).Error);
        (await weir.RunAsync("schedules", "put", "cli-wrong", "--file", "[]")).Expect(ExitCode.Usage);
        (await weir.RunAsync("schedules", "pause", "cli-wrong")).Expect(ExitCode.Usage); // a pause says why
    }
}
