using System.Net;

namespace BlackBox.Tests;

/// <summary>Every way to say it wrong: a problem with a code to switch on, and nothing enqueued.</summary>
public sealed class BadRequestTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const string Good = """{"type": "probe", "payload": {"effect": "never"}}""";

    [Theory]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}""", 400, "malformedJson")]
    [InlineData("", 400, "malformedJson")]
    [InlineData("""{"type": "probe", "type": "probe", "payload": {"effect": "never"}}""", 400, "malformedJson")]
    [InlineData("""["probe", {"effect": "never"}]""", 400, "invalidRequest")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never", "note": "\ud800"}}""", 400, "malformedJson")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}, "\udc00": 1}""", 400, "malformedJson")]
    [InlineData("""{"payload": {"effect": "never"}}""", 400, "invalidRequest")]
    [InlineData("""{"type": "probe"}""", 400, "invalidRequest")]
    [InlineData("""{"type": 7, "payload": {"effect": "never"}}""", 400, "invalidRequest")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}, "colour": "red"}""", 400, "invalidRequest")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}, "priority": "urgent"}""", 400, "invalidRequest")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}, "version": 0}""", 400, "invalidRequest")]
    [InlineData("""{"type": "nope", "payload": {"effect": "never"}}""", 422, "unknownType")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never"}, "version": 99}""", 422, "versionTooNew")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never", "sleepMs": "long"}}""", 422, "contractViolation")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never", "sleepMs": -1}}""", 422, "contractViolation")]
    [InlineData("""{"type": "probe", "payload": {"effect": "never", "colour": "red"}}""", 422, "contractViolation")]
    [InlineData("""{"type": "probe", "payload": null}""", 422, "contractViolation")]
    public async Task A_body_that_is_wrong_gets_a_problem(string body, int status, string code)
    {
        using var response = await weir.Http.PostAsync(body);
        await AssertProblemAsync(response, status, code);
    }

    [Fact]
    public async Task Every_mistake_in_a_payload_is_told_with_its_pointer()
    {
        using var response = await weir.Http.PostAsync("""{"type": "email.welcome", "payload": {"to": "nobody", "nmae": "Ada"}}""");
        var problem = await AssertProblemAsync(response, 422, "contractViolation");
        var errors = problem.GetProperty("errors");
        Assert.Equal(["/payload/name", "/payload/nmae"], errors.EnumerateObject().Select(error => error.Name).Order());
        Assert.DoesNotContain("System.", errors.ToString());
    }

    [Fact]
    public async Task A_body_of_two_mebibytes_is_refused()
    {
        using var response = await weir.Http.PostAsync($$$"""{"type": "probe", "payload": {"effect": "never", "note": "{{{new string('x', 2 * 1024 * 1024)}}}"}}""");
        await AssertProblemAsync(response, 413, "bodyTooLarge");
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("nonsense")]
    public async Task A_wrong_content_type_is_refused(string contentType)
    {
        using var response = await weir.Http.PostAsync(Good, contentType: contentType);
        await AssertProblemAsync(response, 415, "unsupportedMediaType");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"open")]
    public async Task A_malformed_key_is_refused(string key)
    {
        using var response = await weir.Http.PostAsync(Good, key);
        await AssertProblemAsync(response, 400, "invalidIdempotencyKey");
    }

    [Fact]
    public async Task A_key_longer_than_256_characters_is_refused()
    {
        using var response = await weir.Http.PostAsync(Good, new string('k', 257));
        await AssertProblemAsync(response, 400, "invalidIdempotencyKey");
    }

    [Theory]
    [InlineData("api/jobs/00000000-0000-4000-8000-000000000000", 404, "jobNotFound")]
    [InlineData("api/jobs/nothing", 404, "jobNotFound")]
    [InlineData("api/jobs/00000000-0000-4000-8000-000000000000?wait=soon", 400, "invalidWait")]
    [InlineData("api/jobs/00000000-0000-4000-8000-000000000000?wait=PT1H", 400, "invalidWait")]
    [InlineData("api/jobs/00000000-0000-4000-8000-000000000000?wait=PT1S&wait=PT2S", 400, "invalidWait")]
    [InlineData("api/nowhere", 404, "noSuchRoute")]
    [InlineData("", 404, "noSuchRoute")]
    public async Task A_question_that_is_wrong_gets_a_problem(string path, int status, string code)
    {
        using var response = await weir.Http.GetAsync(path);
        await AssertProblemAsync(response, status, code);
    }

    private async Task<System.Text.Json.JsonElement> AssertProblemAsync(HttpResponseMessage response, int status, string code)
    {
        var problem = await response.ReadJsonAsync();
        Assert.True((HttpStatusCode)status == response.StatusCode, $"{response.StatusCode}: {problem}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.False(string.IsNullOrEmpty(problem.GetProperty("title").GetString()));
        Assert.False(string.IsNullOrEmpty(problem.GetProperty("detail").GetString()));

        // A job behind the refused ones has run, so they would have: one lane per job leaves no other order to hide in.
        await weir.Http.FinalAsync(await weir.Http.SubmitAsync("probe", new { effect = "behind" }));
        Assert.Equal(0, (await weir.Http.EffectsAsync("never")).GetProperty("starts").GetInt32());
        return problem;
    }
}
