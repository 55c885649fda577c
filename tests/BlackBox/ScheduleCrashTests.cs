using System.Globalization;
using System.Net;

namespace BlackBox.Tests;

/// <summary>kill -9 at any moment of a schedule's life: every occurrence is one job.</summary>
public sealed class ScheduleCrashTests(ITestOutputHelper output)
{
    /// <summary>How long two instances fire every second; 60 s is what is promised, and takes as long.</summary>
    private static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("WEIR_SCHEDULE_SECONDS") ?? "15", CultureInfo.InvariantCulture);

    /// <summary>Late enough for the answer to come before the kill.</summary>
    private static string Soon => $", \"start\": \"{DateTimeOffset.UtcNow.AddSeconds(2):O}\"";

    [Theory]
    [InlineData("submit.receipt")]
    [InlineData("submit.send")]
    [InlineData("schedule.fired")]
    [InlineData("schedule.advanced")]
    public async Task A_schedule_killed_between_two_steps_fires_every_occurrence_once(string point)
    {
        using var data = new DataFolder();
        DateTimeOffset first;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            var schedule = await dying.Http.ScheduleProbeAsync("killed", more: Soon);
            first = schedule.GetProperty("next")[0].GetProperty("at").GetDateTimeOffset();
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        await weir.Http.FiredAsync("killed", 2);
        await AssertFiredOnceAsync(weir.Http, "killed", first);
    }

    [Fact]
    public async Task A_kill_after_the_decision_fires_what_was_decided()
    {
        using var data = new DataFolder();
        DateTimeOffset first;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "schedule.decided")))
        {
            first = (await dying.Http.ScheduleProbeAsync("decided", more: $"{Soon}, \"overlap\": \"skip\"")).GetProperty("next")[0].GetProperty("at").GetDateTimeOffset();
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        await weir.Http.FiredAsync("decided", 1);
        (await weir.Http.PostScheduleAsync("decided", "pause", """{"reason": "enough"}""")).Dispose();
        var effects = await weir.Http.EffectsAsync("decided");
        var job = await weir.Http.FinalAsync(effects.GetProperty("jobs")[0].GetProperty("id").GetString()!);
        Assert.Equal(first, job.GetProperty("schedule").GetProperty("occurrence").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_kill_between_the_cancelled_job_and_the_new_one_leaves_both_done()
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "schedule.replaced")))
        {
            using var put = await dying.Http.PutScheduleAsync("replaced", $$"""{"type": "probe", "payload": {"sleepMs": 600000}, "cron": "*/2 * * * * *", "overlap": "replace"{{Soon}}}""");
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var before = (await weir.Http.ScheduleAsync("replaced")).GetProperty("last").GetProperty("jobId").GetString()!;
        await weir.Http.FiredAsync("replaced", 2);
        (await weir.Http.PostScheduleAsync("replaced", "pause", """{"reason": "enough"}""")).Dispose();
        Assert.Equal("cancelled", (await weir.Http.FinalAsync(before)).State());
        var last = (await weir.Http.ScheduleAsync("replaced")).GetProperty("last").GetProperty("jobId").GetString()!;
        Assert.NotEqual("cancelled", (await weir.Http.ShowAsync(last)).State());
    }

    [Fact]
    public async Task Two_instances_fire_every_second_once_though_one_is_killed_and_comes_back()
    {
        using var data = new DataFolder();
        await using var survivor = await WeirProcess.StartAsync(data);
        var victim = await WeirProcess.StartAsync(data);
        try
        {
            // Put at the one that dies, so that it is the one that fires.
            var first = (await victim.Http.ScheduleProbeAsync("second")).GetProperty("next")[0].GetProperty("at").GetDateTimeOffset();
            await victim.Http.FiredAsync("second", Seconds / 3);
            await victim.KillAsync();
            await victim.DisposeAsync();
            victim = await WeirProcess.StartAsync(data);
            await survivor.Http.FiredAsync("second", Seconds * 2 / 3);
            await victim.Http.FiredAsync("second", Seconds);
            var jobs = await AssertFiredOnceAsync(survivor.Http, "second", first);
            output.WriteLine($"{jobs} occurrences, one job each.");
        }
        finally
        {
            await victim.DisposeAsync();
        }
    }

    private static async Task<int> AssertFiredOnceAsync(HttpClient http, string name, DateTimeOffset first)
    {
        using (var paused = await http.PostScheduleAsync(name, "pause", """{"reason": "enough"}"""))
            Assert.Equal(HttpStatusCode.OK, paused.StatusCode);
        var last = (await http.ScheduleAsync(name)).GetProperty("last").GetProperty("occurrence").GetDateTimeOffset();
        return await http.AssertEverySecondOnceAsync(name, first, last);
    }
}
