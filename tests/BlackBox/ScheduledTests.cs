using System.Net;

namespace BlackBox.Tests;

/// <summary>Jobs that begin later, and jobs that are not worth beginning late.</summary>
public sealed class ScheduledTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task A_delayed_job_is_scheduled_and_begins_at_its_time()
    {
        using var response = await weir.Http.PostAsync("""{"type": "probe", "payload": {"effect": "delayed"}, "delay": "PT2S"}""");
        var answer = await response.ReadJsonAsync();
        Assert.Equal("scheduled", answer.State());
        var id = answer.GetProperty("id").GetString()!;
        var scheduled = await weir.Http.ShowAsync(id);
        var notBefore = scheduled.GetProperty("notBefore").GetDateTimeOffset();
        Assert.Equal(scheduled.GetProperty("submittedAt").GetDateTimeOffset() + TimeSpan.FromSeconds(2), notBefore);

        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.State());
        Assert.True(job.GetProperty("startedAt").GetDateTimeOffset() >= notBefore, job.ToString());
        Assert.False(job.TryGetProperty("notBefore", out _));
    }

    [Fact]
    public async Task A_time_is_as_good_as_a_delay_and_one_that_has_passed_is_now()
    {
        var soon = await weir.Http.SubmitAsync("probe", new { }, more: new { notBefore = DateTimeOffset.UtcNow.AddSeconds(2) });
        Assert.Equal("scheduled", (await weir.Http.ShowAsync(soon)).State());
        using var past = await weir.Http.PostAsync("""{"type": "probe", "payload": {}, "notBefore": "2020-01-01T00:00:00+02:00"}""");
        Assert.Equal("queued", (await past.ReadJsonAsync()).State());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(soon)).State());
    }

    [Fact]
    public async Task A_delayed_job_asked_for_again_under_its_key_is_the_same_and_runs_once()
    {
        const string Body = """{"type": "probe", "payload": {"effect": "delayed-twice"}, "delay": "PT3S"}""";
        using var first = await weir.Http.PostAsync(Body, "delayed-twice");
        using var second = await weir.Http.PostAsync(Body, "delayed-twice");
        var (one, other) = (await first.ReadJsonAsync(), await second.ReadJsonAsync());
        Assert.Equal((one.GetProperty("id").GetString(), "scheduled"), (other.GetProperty("id").GetString(), other.State()));
        await weir.Http.FinalAsync(one.GetProperty("id").GetString()!);
        Assert.Equal(1, (await weir.Http.EffectsAsync("delayed-twice")).GetProperty("starts").GetInt32());
    }

    [Theory]
    [InlineData("\"delay\": \"PT1S\", \"notBefore\": \"2030-01-01T00:00:00Z\"", "/notBefore")]
    [InlineData("\"delay\": \"P31D\"", "/delay")]
    [InlineData("\"delay\": \"-PT1S\"", "/delay")]
    [InlineData("\"delay\": 5", "/delay")]
    [InlineData("\"notBefore\": \"2100-01-01T00:00:00Z\"", "/notBefore")]
    [InlineData("\"notBefore\": \"2030-01-01T00:00:00\"", "/notBefore")]
    [InlineData("\"expiresIn\": \"PT0S\"", "/expiresIn")]
    [InlineData("\"expiresIn\": \"P1M\"", "/expiresIn")]
    [InlineData("\"delay\": \"PT10S\", \"expiresIn\": \"PT5S\"", "/expiresIn")]
    public async Task Times_that_make_no_sense_are_refused_with_their_pointer(string fields, string pointer)
    {
        using var response = await weir.Http.PostAsync($$"""{"type": "probe", "payload": {"effect": "senseless"}, {{fields}}}""");
        var problem = await response.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.BadRequest, "invalidRequest"), (response.StatusCode, problem.Text("code")));
        Assert.Equal(pointer, Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task A_job_that_is_not_begun_in_time_expires_and_says_so()
    {
        // Both share a lane by their ordering key, so the second waits behind the first until it is too late.
        var first = await weir.Http.SubmitAsync("probe", new { sleepMs = 3_000 }, more: new { orderingKey = "expiry" });
        await weir.Http.BecomesAsync(first, "running");
        var late = await weir.Http.SubmitAsync("probe", new { effect = "late" }, more: new { orderingKey = "expiry", expiresIn = "PT1S" });

        var job = await weir.Http.FinalAsync(late);
        Assert.Equal(("expired", "expired"), (job.State(), job.GetProperty("error").GetProperty("reason").GetString()));
        Assert.Equal(0, job.GetProperty("attempt").GetInt32());
        Assert.True(job.GetProperty("finishedAt").GetDateTimeOffset() >= job.GetProperty("expiresAt").GetDateTimeOffset());
        Assert.Equal(0, (await weir.Http.EffectsAsync("late")).GetProperty("starts").GetInt32());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(first)).State());
    }

    [Fact]
    public async Task A_retry_that_comes_too_late_expires_with_its_attempts()
    {
        var id = await weir.Http.SubmitAsync("probe", new { failFirst = 1_000 }, more: new { expiresIn = "PT0.05S" });
        var job = await weir.Http.FinalAsync(id);
        // The first attempt may itself come too late on a busy machine; never may the last.
        Assert.Equal("expired", job.State());
        Assert.InRange(job.GetProperty("attempts").GetArrayLength(), 0, 4);
        Assert.All(job.GetProperty("attempts").EnumerateArray(), attempt => Assert.True(attempt.GetProperty("startedAt").GetDateTimeOffset() < job.GetProperty("expiresAt").GetDateTimeOffset()));
    }

    [Fact]
    public async Task Expiry_survives_a_kill_between_the_receipt_and_the_settlement()
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "expire.recorded"));
        var id = await first.Http.SubmitAsync("probe", new { effect = "expire-kill" }, more: new { delay = "PT0.5S", expiresIn = "PT0.501S" });
        await first.ExitedAsync();
        await using var second = await WeirProcess.StartAsync(data);
        Assert.Equal("expired", (await second.Http.FinalAsync(id)).State());
    }

    [Theory]
    [InlineData("submit.receipt")]
    [InlineData("submit.send")]
    public async Task A_delayed_job_survives_a_kill_while_it_is_submitted(string point)
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
        const string Body = """{"type": "probe", "payload": {"effect": "delay-kill"}, "delay": "PT1S"}""";
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => first.Http.PostAsync(Body, "delay-kill"));
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        using var again = await second.Http.PostAsync(Body, "delay-kill");
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        var job = await second.Http.FinalAsync((await again.ReadJsonAsync()).GetProperty("id").GetString()!);
        Assert.Equal("succeeded", job.State());
        Assert.Equal(1, (await second.Http.EffectsAsync("delay-kill")).GetProperty("starts").GetInt32());
    }
}
