using System.Net;

namespace BlackBox.Tests;

public sealed class IdempotencyTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task Fifty_concurrent_posts_with_one_key_are_one_job()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => weir.Http.SubmitAsync("probe", new { effect = "fifty" }, key: "fifty")));
        var id = Assert.Single(answers.Distinct());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());

        // What was sent more than once has been received by now: jobs behind it in the same lane are done.
        var effects = await weir.Http.EffectsAsync("fifty");
        Assert.Equal((1, 1), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
    }

    [Fact]
    public async Task A_replay_says_that_it_is_one_and_shows_the_job_as_it_stands()
    {
        const string Body = """{"type": "probe", "payload": {"note": "once"}}""";
        using var first = await weir.Http.PostAsync(Body, "\"replay\"");
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        var id = (await first.ReadJsonAsync()).GetProperty("id").GetString()!;
        await weir.Http.FinalAsync(id);

        using var second = await weir.Http.PostAsync("""{ "payload": { "note": "once" }, "type": "probe" }""", "replay");
        Assert.Equal(HttpStatusCode.Accepted, second.StatusCode);
        Assert.Equal("true", Assert.Single(second.Headers.GetValues("Idempotency-Replayed")));
        var answer = await second.ReadJsonAsync();
        Assert.Equal((id, "succeeded"), (answer.GetProperty("id").GetString(), answer.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Another_payload_under_the_same_key_is_refused()
    {
        await weir.Http.SubmitAsync("probe", new { note = "one" }, key: "reused");
        using var response = await weir.Http.PostAsync("""{"type": "probe", "payload": {"note": "two"}}""", "reused");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Equal("idempotencyKeyReused", (await response.ReadJsonAsync()).GetProperty("code").GetString());
    }

    [Fact]
    public async Task The_same_key_of_another_type_is_another_job()
    {
        var one = await weir.Http.SubmitAsync("probe", new { note = "one" }, key: "shared");
        var other = await weir.Http.SubmitAsync("crm.sync", new { userId = "u", email = "u@example.org" }, key: "shared");
        Assert.NotEqual(one, other);
    }
}
