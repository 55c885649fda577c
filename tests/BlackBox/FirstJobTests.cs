using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

public sealed class FirstJobTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Theory]
    [InlineData("email.welcome", """{"to": "ada@example.org", "name": "Ada"}""", "critical")]
    [InlineData("crm.sync", """{"userId": "u-1", "email": "ada@example.org", "subscription": {"plan": "team", "seats": 5}}""", "default")]
    [InlineData("avatar.render", """{"userId": "u-1", "size": 64}""", "bulk")]
    [InlineData("analytics.track", """{"name": "signed-up", "userId": "u-1"}""", "bulk")]
    public async Task A_sample_job_goes_from_post_to_done(string type, string payload, string queue)
    {
        using var accepted = await weir.Http.PostAsync($$"""{"type": "{{type}}", "payload": {{payload}}}""");
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var answer = await accepted.ReadJsonAsync();
        Assert.Equal("queued", answer.GetProperty("state").GetString());
        Assert.Equal(accepted.Headers.Location!.OriginalString, answer.GetProperty("links").GetProperty("self").GetString());
        Assert.NotNull(accepted.Headers.RetryAfter);

        var job = await weir.Http.FinalAsync(answer.GetProperty("id").GetString()!);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        Assert.Equal(queue, job.GetProperty("queue").GetString());
        Assert.Equal("succeeded", Assert.Single(job.GetProperty("attempts").EnumerateArray()).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_probe_tells_its_note_and_attempt_and_leaves_its_effect()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "first", note = "hello" });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("hello", job.GetProperty("result").GetProperty("note").GetString());
        Assert.Equal(1, job.GetProperty("result").GetProperty("attempt").GetInt32());

        var effects = await weir.Http.EffectsAsync("first");
        Assert.Equal(1, effects.GetProperty("count").GetInt32());
        Assert.Equal(1, effects.GetProperty("starts").GetInt32());
        Assert.Equal(id, effects.GetProperty("jobs")[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_transient_failure_is_tried_again_until_it_succeeds()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "retried", failFirst = 2 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        Assert.Equal(["failed", "failed", "succeeded"], job.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("outcome").GetString()));
        var effects = await weir.Http.EffectsAsync("retried");
        Assert.Equal((1, 3), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
    }

    [Fact]
    public async Task Attempts_end_in_a_dead_letter_with_every_error()
    {
        var id = await weir.Http.SubmitAsync("probe", new { failFirst = 100 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("deadLettered", job.GetProperty("state").GetString());
        Assert.Equal("attemptsExhausted", job.GetProperty("error").GetProperty("reason").GetString());
        Assert.Equal(5, job.GetProperty("attempts").GetArrayLength());
        Assert.All(job.GetProperty("attempts").EnumerateArray(), attempt => Assert.Contains("as it was told to", attempt.GetProperty("error").GetProperty("stack").GetString()));
    }

    [Fact]
    public async Task A_permanent_failure_is_not_tried_again()
    {
        var id = await weir.Http.SubmitAsync("probe", new { failFirst = 1, failAs = "permanent" });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal(("deadLettered", "permanent"), (job.GetProperty("state").GetString(), job.GetProperty("error").GetProperty("reason").GetString()));
        Assert.Single(job.GetProperty("attempts").EnumerateArray());
    }

    [Fact]
    public async Task A_payload_too_large_for_a_message_lies_beside_the_receipt()
    {
        var events = Enumerable.Range(0, 900).ToDictionary(number => $"property-{number}", _ => new string('x', 1_000));
        var id = await weir.Http.SubmitAsync("analytics.track", new { name = "large", userId = "u-1", properties = events });
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task The_catalogue_lists_what_can_be_submitted()
    {
        var catalog = await weir.Http.GetFromJsonAsync<JsonElement>("api/catalog");
        var types = catalog.GetProperty("types").EnumerateArray().Select(type => type.GetProperty("type").GetString()).ToArray();
        Assert.Equal(["analytics.track", "avatar.render", "crm.sync", "email.welcome", "order.fulfil", "probe"], types.Where(type => type is not null && !type.StartsWith("probe.", StringComparison.Ordinal)));
        var one = await weir.Http.GetFromJsonAsync<JsonElement>("api/catalog/email.welcome");
        Assert.Equal("growth", one.GetProperty("owner").GetString());
    }

    [Fact]
    public async Task A_downstream_that_fails_for_a_while_costs_retries_and_no_job()
    {
        using var failing = await weir.Http.PutAsJsonAsync("sim/avatar", new { failureRate = 1.0 });
        failing.EnsureSuccessStatusCode();
        var id = await weir.Http.SubmitAsync("avatar.render", new { userId = "u-7" });
        await UntilAttemptedAsync(id);
        using var healed = await weir.Http.PutAsJsonAsync("sim/avatar", new { failureRate = 0.0 });
        healed.EnsureSuccessStatusCode();

        var job = await weir.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        Assert.True(job.GetProperty("attempts").GetArrayLength() > 1);
    }

    private async Task UntilAttemptedAsync(string id)
    {
        for (var tries = 0; tries < 600; tries++)
        {
            var job = await weir.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}");
            if (job.GetProperty("attempts").GetArrayLength() > 0)
                return;
            await Task.Delay(10);
        }
        Assert.Fail("The job was never attempted.");
    }
}

/// <summary>One instance for the tests of a class, which use names of their own.</summary>
public sealed class OneInstance : IAsyncLifetime
{
    private readonly DataFolder data = new();
    private WeirProcess? weir;

    public HttpClient Http => weir!.Http;

    public int ProcessId => weir!.ProcessId;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data);

    public async ValueTask DisposeAsync()
    {
        if (weir is not null)
            await weir.DisposeAsync();
        data.Dispose();
    }
}
