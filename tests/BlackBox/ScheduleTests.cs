using System.Net;

namespace BlackBox.Tests;

/// <summary>Schedules over HTTP.</summary>
public sealed class ScheduleTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task A_schedule_is_put_shown_fired_run_paused_and_deleted()
    {
        using var created = await weir.Http.PutScheduleAsync("life", """{"type": "probe", "payload": {"effect": "life"}, "cron": "* * * * * *", "timeZone": "Asia/Kathmandu", "priority": "bulk"}""");
        var schedule = await created.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.Created, "/api/schedules/life", "active"), (created.StatusCode, created.Headers.Location?.ToString(), schedule.Text("state")));
        Assert.Equal(5, schedule.GetProperty("next").GetArrayLength());
        Assert.All(schedule.GetProperty("next").EnumerateArray(), next => Assert.EndsWith("+05:45", next.Text("local")));

        var fired = await weir.Http.FiredAsync("life", 2);
        var late = fired.GetProperty("last").GetProperty("firedAt").GetDateTimeOffset() - fired.GetProperty("last").GetProperty("occurrence").GetDateTimeOffset();
        Assert.InRange(late, TimeSpan.Zero, TimeSpan.FromSeconds(5)); // within a second, on a machine that has nothing else to do
        var job = await weir.Http.FinalAsync(fired.GetProperty("last").GetProperty("jobId").GetString()!);
        Assert.Equal(("succeeded", "bulk", "life"), (job.State(), job.Text("queue"), job.GetProperty("schedule").Text("name")));

        using var paused = await weir.Http.PostScheduleAsync("life", "pause", """{"reason": "mending", "until": "2100-01-01T00:00:00Z"}""");
        var pause = (await paused.ReadJsonAsync()).GetProperty("pause");
        Assert.Equal(("anonymous", "mending"), (pause.Text("by"), pause.Text("reason")));
        using var run = await weir.Http.PostScheduleAsync("life", "run", key: "once");
        using var again = await weir.Http.PostScheduleAsync("life", "run", key: "once");
        Assert.Equal((HttpStatusCode.Accepted, "true"), (run.StatusCode, again.Headers.GetValues("Idempotency-Replayed").Single()));
        Assert.Equal((await run.ReadJsonAsync()).Text("id"), (await again.ReadJsonAsync()).Text("id"));
        using var resumed = await weir.Http.PostScheduleAsync("life", "resume");
        Assert.Equal("active", (await resumed.ReadJsonAsync()).Text("state"));

        using var deleted = await weir.Http.DeleteAsync("api/schedules/life");
        using var gone = await weir.Http.GetAsync("api/schedules/life");
        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NotFound, "scheduleNotFound"), (deleted.StatusCode, gone.StatusCode, (await gone.ReadJsonAsync()).Text("code")));
    }

    [Fact]
    public async Task A_put_is_for_what_its_sender_has_seen()
    {
        const string Daily = """{"type": "probe", "payload": {}, "cron": "0 3 * * *"}""";
        using var created = await weir.Http.PutScheduleAsync("tagged", Daily);
        var tag = created.Headers.ETag!.Tag;
        using var same = await weir.Http.PutScheduleAsync("tagged", Daily, tag);
        Assert.Equal((HttpStatusCode.OK, tag), (same.StatusCode, same.Headers.ETag!.Tag));
        using var changed = await weir.Http.PutScheduleAsync("tagged", Daily.Replace("3", "4"), tag);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        using var late = await weir.Http.PutScheduleAsync("tagged", Daily.Replace("3", "5"), tag);
        var problem = await late.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.PreconditionFailed, "preconditionFailed", changed.Headers.ETag!.Tag), (late.StatusCode, problem.Text("code"), problem.Text("etag")));
        using var nonsense = await weir.Http.PutScheduleAsync("tagged", Daily, "nonsense");
        Assert.Equal((HttpStatusCode.BadRequest, "invalidPrecondition"), (nonsense.StatusCode, (await nonsense.ReadJsonAsync()).Text("code")));
    }

    [Theory]
    [InlineData("\"cron\": \"0 0 30 2 *\"", 422, "cronNeverFires", "/cron")]
    [InlineData("\"cron\": \"0 0 * * *\", \"start\": \"2030-01-01T01:00:00Z\", \"end\": \"2030-01-01T02:00:00Z\"", 422, "cronNeverFires", "/cron")]
    [InlineData("\"cron\": \"0 25 * * *\"", 422, "invalidCron", "/cron")]
    [InlineData("\"cron\": \"* * *\"", 422, "invalidCron", "/cron")]
    [InlineData("\"cron\": \"0 1 * * *\", \"timeZone\": \"Europe/Berln\"", 422, "unknownTimeZone", "/timeZone")]
    [InlineData("\"at\": \"2020-01-01T00:00:00Z\"", 422, "atInThePast", "/at")]
    [InlineData("\"at\": \"2030-01-01T00:00:00\"", 400, "invalidRequest", "/at")]
    [InlineData("\"at\": \"2030-01-01T00:00:00Z\", \"cron\": \"* * * * *\"", 400, "invalidRequest", "/at")]
    [InlineData("\"timeZone\": \"UTC\"", 400, "invalidRequest", "")]
    [InlineData("\"cron\": \"* * * * *\", \"overlap\": \"maybe\"", 400, "invalidRequest", "/overlap")]
    [InlineData("\"cron\": \"* * * * *\", \"missedLimit\": 3", 400, "invalidRequest", "/missedLimit")]
    [InlineData("\"cron\": \"* * * * *\", \"delay\": \"PT1S\"", 400, "invalidRequest", "/delay")]
    [InlineData("\"cron\": \"* * * * *\", \"start\": \"2031-01-01T00:00:00Z\", \"end\": \"2030-01-01T00:00:00Z\"", 400, "invalidRequest", "/end")]
    public async Task A_schedule_that_makes_no_sense_is_refused_and_says_where(string fields, int status, string code, string pointer)
    {
        using var response = await weir.Http.PutScheduleAsync("senseless", $$"""{"type": "probe", "payload": {}, {{fields}}}""");
        var problem = await response.ReadJsonAsync();
        Assert.True((status, code) == ((int)response.StatusCode, problem.Text("code")), $"{problem}");
        Assert.Equal(pointer, Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
        using var gone = await weir.Http.GetAsync("api/schedules/senseless");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Theory]
    [InlineData("""{"type": "probe", "payload": {"wrong": 1}, "cron": "* * * * *"}""", "contractViolation")]
    [InlineData("""{"type": "nothing.known", "payload": {}, "cron": "* * * * *"}""", "unknownType")]
    [InlineData("""{"type": "weir.webhook", "payload": {}, "cron": "* * * * *"}""", "unknownType")]
    [InlineData("""{"type": "probe", "version": 99, "payload": {}, "cron": "* * * * *"}""", "versionTooNew")]
    public async Task A_schedule_whose_jobs_would_be_refused_is_refused(string body, string code)
    {
        using var response = await weir.Http.PutScheduleAsync("refused", body);
        Assert.Equal((HttpStatusCode.UnprocessableEntity, code), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }

    [Fact]
    public async Task What_is_not_there_or_has_no_name_is_told_so()
    {
        foreach (var action in new[] { "run", "resume", "pause" })
        {
            using var none = await weir.Http.PostScheduleAsync("none", action, """{"reason": "none"}""");
            Assert.Equal((HttpStatusCode.NotFound, "scheduleNotFound"), (none.StatusCode, (await none.ReadJsonAsync()).Text("code")));
        }
        using var unnamed = await weir.Http.PutScheduleAsync("a~b", "{}");
        Assert.Equal((HttpStatusCode.BadRequest, "invalidScheduleName"), (unnamed.StatusCode, (await unnamed.ReadJsonAsync()).Text("code")));
        using var because = await weir.Http.PostScheduleAsync("none", "pause", "{}");
        Assert.Equal((HttpStatusCode.BadRequest, "invalidRequest"), (because.StatusCode, (await because.ReadJsonAsync()).Text("code")));
        using var cursor = await weir.Http.GetAsync("api/schedules?cursor=nonsense");
        Assert.Equal((HttpStatusCode.BadRequest, "invalidQuery"), (cursor.StatusCode, (await cursor.ReadJsonAsync()).Text("code")));
    }

    [Fact]
    public async Task The_list_goes_page_by_page()
    {
        foreach (var number in Enumerable.Range(0, 5))
            await weir.Http.ScheduleProbeAsync($"page-{number}", "0 3 * * *");
        var names = new List<string?>();
        for (string? cursor = ""; cursor is not null;)
        {
            using var response = await weir.Http.GetAsync($"api/schedules?limit=2{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            var page = await response.ReadJsonAsync();
            names.AddRange(page.GetProperty("schedules").EnumerateArray().Select(schedule => schedule.Text("name")));
            cursor = page.Text("cursor");
        }
        Assert.Equal(Enumerable.Range(0, 5).Select(number => $"page-{number}"), names.Where(name => name!.StartsWith("page-", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Without_time_zone_data_there_is_UTC_and_the_rest_says_what_is_missing()
    {
        using var data = new DataFolder();
        await using var bare = await WeirProcess.StartAsync(data, ("TZDIR", data.Path));
        await bare.Http.ScheduleProbeAsync("utc", "0 3 * * *");
        using var berlin = await bare.Http.PutScheduleAsync("berlin", """{"type": "probe", "payload": {}, "cron": "0 3 * * *", "timeZone": "Europe/Berlin"}""");
        var problem = await berlin.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "timeZoneDataMissing"), (berlin.StatusCode, problem.Text("code")));
        Assert.Contains("tzdata", problem.Text("detail"));
    }
}
