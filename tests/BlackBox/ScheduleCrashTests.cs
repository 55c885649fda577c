using System.Globalization;
using System.Net;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>kill -9 at any moment of a schedule's life: every occurrence is one job.</summary>
public sealed class ScheduleCrashTests(ITestOutputHelper output)
{
    /// <summary>How long two instances fire every second; 60 s is what is promised, and takes as long.</summary>
    private static readonly int Seconds = int.Parse(Environment.GetEnvironmentVariable("WEIR_SCHEDULE_SECONDS") ?? "15", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("submit.receipt")]
    [InlineData("submit.send")]
    [InlineData("schedule.fired")]
    [InlineData("schedule.advanced")]
    public async Task A_schedule_killed_between_two_steps_fires_every_occurrence_once(string point)
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            await PutAsync(dying, "killed", "* * * * * *", "allow");
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        await weir.Http.FiredAsync("killed", 2);
        await AssertFiredOnceAsync(weir.Http, "killed");
    }

    [Fact]
    public async Task A_kill_after_the_decision_fires_what_was_decided()
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "schedule.decided")))
        {
            await PutAsync(dying, "decided", "* * * * * *", "skip");
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var first = First(await weir.Http.FiredAsync("decided", 1));
        (await weir.Http.PostScheduleAsync("decided", "pause", """{"reason": "enough"}""")).Dispose();
        // Fired is not yet run.
        var effects = await weir.Http.EffectsAsync("decided");
        for (var looks = 0; looks < 200 && effects.GetProperty("jobs").GetArrayLength() == 0; looks++)
        {
            await Task.Delay(100);
            effects = await weir.Http.EffectsAsync("decided");
        }
        var job = await weir.Http.FinalAsync(effects.GetProperty("jobs")[0].GetProperty("id").GetString()!);
        Assert.Equal(first, job.GetProperty("schedule").GetProperty("occurrence").GetDateTimeOffset());
    }

    [Fact]
    public async Task A_kill_between_the_cancelled_job_and_the_new_one_leaves_both_done()
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "schedule.replaced")))
        {
            await PutAsync(dying, "replaced", "*/2 * * * * *", "replace", sleepMs: 600_000);
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var known = await weir.Http.ScheduleAsync("replaced");
        var before = known.GetProperty("last").GetProperty("jobId").GetString()!;
        await weir.Http.FiredAsync("replaced", known.GetProperty("fired").GetInt64() + 1); // one that was fired after it: a start may take longer than a period
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
            await victim.Http.ScheduleProbeAsync("second");
            await victim.Http.FiredAsync("second", Seconds / 3);
            await victim.KillAsync();
            await victim.DisposeAsync();
            victim = await WeirProcess.StartAsync(data);
            await survivor.Http.FiredAsync("second", Seconds * 2 / 3);
            await victim.Http.FiredAsync("second", Seconds);
            var jobs = await AssertFiredOnceAsync(survivor.Http, "second");
            output.WriteLine($"{jobs} occurrences, one job each.");
        }
        finally
        {
            await victim.DisposeAsync();
        }
    }

    /// <summary>The kill may come before the answer does.</summary>
    private static async Task PutAsync(WeirProcess dying, string name, string cron, string overlap, int sleepMs = 0)
    {
        try
        {
            using var put = await dying.Http.PutScheduleAsync(name, $$"""{"type": "probe", "payload": {"effect": "{{name}}", "sleepMs": {{sleepMs}}}, "cron": "{{cron}}", "overlap": "{{overlap}}"}""");
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        }
        catch (HttpRequestException)
        {
            // What it left is looked at after the restart.
        }
    }

    /// <summary>The first second after it was put.</summary>
    private static DateTimeOffset First(JsonElement schedule)
    {
        var created = schedule.GetProperty("createdAt").GetDateTimeOffset();
        return new DateTimeOffset(created.Ticks - created.Ticks % TimeSpan.TicksPerSecond, TimeSpan.Zero).AddSeconds(1);
    }

    private static async Task<int> AssertFiredOnceAsync(HttpClient http, string name)
    {
        using (var paused = await http.PostScheduleAsync(name, "pause", """{"reason": "enough"}"""))
            Assert.Equal(HttpStatusCode.OK, paused.StatusCode);
        var schedule = await http.ScheduleAsync(name);
        return await http.AssertEverySecondOnceAsync(name, First(schedule), schedule.GetProperty("last").GetProperty("occurrence").GetDateTimeOffset());
    }
}
