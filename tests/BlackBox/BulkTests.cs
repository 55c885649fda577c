using System.Net;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>POST /api/jobs/bulk: many jobs in one request, each for itself.</summary>
public sealed class BulkTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const string NdJson = "application/x-ndjson";

    [Theory]
    [InlineData(NdJson, 1_000)]
    [InlineData("application/json", 100)]
    public async Task As_many_as_a_thousand_jobs_are_accepted_in_order_and_all_run(string contentType, int count)
    {
        var effect = contentType == NdJson ? "bulk-lines" : "bulk-array";
        var lines = Enumerable.Range(0, count).Select(number => JsonSerializer.Serialize(new { type = "probe", payload = new { effect }, priority = number % 2 == 0 ? "bulk" : "critical" })).ToArray();
        var answer = await PostAsync(contentType == NdJson ? string.Join('\n', lines) : $"[{string.Join(',', lines)}]", contentType);
        Assert.Equal((count, 0), (answer.GetProperty("accepted").GetInt32(), answer.GetProperty("refused").GetInt32()));
        var results = answer.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal(Enumerable.Range(0, count), results.Select(result => result.GetProperty("index").GetInt32()));
        Assert.All(results, result => Assert.Equal((202, "queued"), (result.GetProperty("status").GetInt32(), result.State())));

        foreach (var chunk in results.Chunk(64))
            Assert.All(await Task.WhenAll(chunk.Select(result => weir.Http.FinalAsync(result.Text("id")!))), job => Assert.Equal("succeeded", job.State()));
        Assert.Equal(count, (await weir.Http.EffectsAsync(effect)).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task Each_item_is_answered_for_itself()
    {
        var existing = await weir.Http.SubmitAsync("probe", new { note = "before" }, key: "bulk-known");
        string[] lines =
        [
            """{"type": "probe", "payload": {"effect": "bulk-mixed"}}""",
            """{"type": "probe", "payload": """,
            """{"type": "nope", "payload": {}}""",
            """{"type": "probe", "payload": {"sleepMs": -1}}""",
            """{"type": "probe", "payload": {}, "colour": "red"}""",
            "7",
            """{"type": "probe", "payload": {}, "idempotencyKey": 7}""",
            """{"type": "probe", "payload": {}, "idempotencyKey": ""}""",
            """{"type": "probe", "payload": {"note": "before"}, "idempotencyKey": "bulk-known"}""",
            """{"type": "probe", "payload": {"note": "after"}, "idempotencyKey": "bulk-known"}""",
            """{"type": "probe", "payload": {}, "delay": "PT1H"}""",
            """{"type": "probe", "payload": {}, "delay": "PT1H", "unique": {"key": "bulk", "mode": "reject"}}""",
            """{"type": "probe", "payload": {}, "delay": "PT31D"}""",
            $$$"""{"type": "probe", "payload": {"note": "{{{new string('x', 1_100_000)}}}"}}""",
            """{"type": "probe", "type": "probe", "payload": {}}""",
            """{"type": "probe", "payload": {"effect": "bulk-mixed"}}""",
        ];
        var answer = await PostAsync(string.Join("\r\n", lines) + "\n\n", NdJson);
        var results = answer.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal(
            ["202", "400 malformedJson", "422 unknownType", "422 contractViolation", "400 invalidRequest", "400 invalidRequest", "400 invalidRequest", "400 invalidIdempotencyKey",
                "202", "422 idempotencyKeyReused", "202", "202", "400 invalidRequest", "413 bodyTooLarge", "400 malformedJson", "202"],
            results.Select(result => $"{result.GetProperty("status").GetInt32()} {(result.TryGetProperty("problem", out var problem) ? problem.Text("code") : "")}".TrimEnd()));
        Assert.Equal((5, 11), (answer.GetProperty("accepted").GetInt32(), answer.GetProperty("refused").GetInt32()));
        Assert.Equal("/payload/sleepMs", Assert.Single(results[3].GetProperty("problem").GetProperty("errors").EnumerateObject()).Name);
        Assert.Equal((existing, true), (results[8].Text("id"), results[8].GetProperty("replayed").GetBoolean()));
        Assert.Equal(("scheduled", "scheduled"), (results[10].State(), results[11].State()));

        foreach (var index in new[] { 0, 15 })
            Assert.Equal("succeeded", (await weir.Http.FinalAsync(results[index].Text("id")!)).State());
        Assert.Equal(2, (await weir.Http.EffectsAsync("bulk-mixed")).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task One_key_twice_in_one_request_is_one_job()
    {
        const string Line = """{"type": "probe", "payload": {"effect": "bulk-twice"}, "idempotencyKey": "bulk-twice"}""";
        var answer = await PostAsync(string.Join('\n', Enumerable.Repeat(Line, 40)), NdJson);
        var id = Assert.Single(answer.GetProperty("results").EnumerateArray().Select(result => result.Text("id")).Distinct());
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id!)).State());
        Assert.Equal(1, (await weir.Http.EffectsAsync("bulk-twice")).GetProperty("starts").GetInt32());
    }

    [Theory]
    [InlineData("", NdJson, 400, "invalidRequest")]
    [InlineData("\n \n", NdJson, 400, "invalidRequest")]
    [InlineData("[]", "application/json", 400, "invalidRequest")]
    [InlineData("{}", "application/json", 400, "invalidRequest")]
    [InlineData("[{]", "application/json", 400, "malformedJson")]
    [InlineData("[]", "text/plain", 415, "unsupportedMediaType")]
    public async Task A_request_that_is_wrong_as_a_whole_gets_a_problem(string body, string contentType, int status, string code)
    {
        using var response = await SendAsync(body, contentType);
        Assert.Equal((status, code), ((int)response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }

    [Theory]
    [InlineData(1_001, 1, "tooManyItems")]
    [InlineData(20, 900_000, "bodyTooLarge")]
    public async Task A_request_beyond_its_bounds_is_refused(int items, int size, string code)
    {
        var line = JsonSerializer.Serialize(new { type = "probe", payload = new { effect = "bulk-never", note = new string('x', size) } });
        using var response = await SendAsync(string.Join('\n', Enumerable.Repeat(line, items)), NdJson);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, code), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }

    [Theory]
    [InlineData("submit.receipt")]
    [InlineData("submit.send")]
    public async Task A_bulk_cut_off_and_sent_again_under_its_keys_loses_and_doubles_nothing(string point)
    {
        using var data = new DataFolder();
        var body = string.Join('\n', Enumerable.Range(0, 50).Select(number => JsonSerializer.Serialize(new { type = "probe", payload = new { effect = "bulk-kill" }, idempotencyKey = $"bulk-kill-{number}" })));
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => SendAsync(body, NdJson, first.Http));
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        using var again = await SendAsync(body, NdJson, second.Http);
        var results = (await again.ReadJsonAsync()).GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal(50, results.Select(result => result.Text("id")).Distinct().Count());
        Assert.All(await Task.WhenAll(results.Select(result => second.Http.FinalAsync(result.Text("id")!))), job => Assert.Equal("succeeded", job.State()));
        var effects = await second.Http.EffectsAsync("bulk-kill");
        Assert.Equal((50, 50), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
    }

    private async Task<JsonElement> PostAsync(string body, string contentType)
    {
        using var response = await SendAsync(body, contentType);
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {answer}");
        return answer;
    }

    private Task<HttpResponseMessage> SendAsync(string body, string contentType, HttpClient? http = null) =>
        (http ?? weir.Http).PostAsync("api/jobs/bulk", new StringContent(body, Encoding.UTF8, contentType));
}
