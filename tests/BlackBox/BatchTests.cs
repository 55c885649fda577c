using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Batches: many jobs that belong together, with one summary.</summary>
public sealed class BatchTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const int Many = 10_000;

    [Fact]
    public async Task Of_ten_thousand_items_three_hundred_fail_and_a_retry_runs_exactly_those()
    {
        var failing = Enumerable.Range(0, Many).Where(index => index % 100 is 7 or 50 or 93).ToHashSet();
        var answer = await weir.Http.BatchAsync(
            Enumerable.Range(0, Many).Select(index => failing.Contains(index) ? (object)new { failFirst = 1, failAs = "permanent", effect = "batch-failing" } : new { }), "&completion=probe.completion", key: "many");
        Assert.Equal((Many, 0), (answer.GetProperty("total").GetInt32(), answer.GetProperty("refused").GetInt32()));
        var id = answer.Text("id")!;

        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal((100.0, 0, Many - 300, 300), (batch.GetProperty("percent").GetDouble(), batch.Count("pending"), batch.Count("succeeded"), batch.Count("deadLettered")));
        Assert.Equal(20, batch.GetProperty("failed").GetProperty("items").GetArrayLength());
        var failed = await weir.Http.ItemsAsync(id, "failed");
        Assert.Equal(failing.Order(), failed.Select(item => item.GetProperty("index").GetInt32()));
        Assert.All(failed, item => Assert.Equal(("deadLettered", "Attempt 1 fails for good, as it was told to."), (item.State(), item.GetProperty("error").Text("message"))));

        var retries = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => weir.Http.ChangeAsync(id, "retry")));
        Assert.Equal((300, 0), (retries.Sum(retry => retry.GetProperty("retried").GetInt32()), retries.Sum(retry => retry.GetProperty("remaining").GetInt32())));
        batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal((Many, 0), (batch.Count("succeeded"), batch.Count("deadLettered")));
        var effects = await weir.Http.EffectsAsync("batch-failing");
        Assert.Equal((300, 600), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));

        // The completion job came once, with the counts of the first end.
        await weir.Http.FinalAsync(batch.GetProperty("completion").Text("id")!);
        var told = await weir.Http.EffectsAsync(id);
        Assert.Equal((1, "9700 of 10000, 300 dead, 0 refused"), (told.GetProperty("starts").GetInt32(), told.GetProperty("jobs")[0].Text("note")));
    }

    [Fact]
    public async Task One_bad_item_among_ten_thousand_is_reported_and_the_others_run()
    {
        var lines = Enumerable.Range(0, Many).Select(index => index == 4_711 ? """{"type": "probe", "payload": {"sleepMs": "long"}}""" : """{"type": "probe", "payload": {}}""");
        using var response = await weir.Http.PostBatchAsync($"[{string.Join(',', lines)}]", contentType: "application/json");
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode}: {answer}");
        Assert.Equal((Many, Many - 1, 1), (answer.GetProperty("total").GetInt32(), answer.GetProperty("accepted").GetInt32(), answer.GetProperty("refused").GetInt32()));
        var bad = Assert.Single(answer.GetProperty("refusedItems").EnumerateArray());
        Assert.Equal((4_711, "contractViolation"), (bad.GetProperty("index").GetInt32(), bad.Text("code")));
        Assert.Equal("/payload/sleepMs", Assert.Single(bad.GetProperty("errors").EnumerateObject()).Name);

        var batch = await weir.Http.BatchBecomesAsync(answer.Text("id")!, "completed");
        Assert.Equal((Many - 1, 1), (batch.Count("succeeded"), batch.Count("refused")));
        var shown = Assert.Single(await weir.Http.ItemsAsync(answer.Text("id")!, "failed"));
        Assert.Equal((4_711, "refused", "contractViolation"), (shown.GetProperty("index").GetInt32(), shown.State(), shown.GetProperty("problem").Text("code")));
    }

    [Fact]
    public async Task Items_of_all_kinds_are_submissions_of_their_own()
    {
        string[] lines =
        [
            """{"type": "probe", "payload": {"note": "first"}, "priority": "critical"}""",
            "",
            """{"type": "probe", "payload": """,
            """{"type": "nope", "payload": {}}""",
            """{"type": "probe", "payload": {}, "unique": {"key": "one", "mode": "reject"}}""",
            """{"type": "probe", "payload": {}, "idempotencyKey": "mine"}""",
            """{"type": "probe.ordered", "payload": {"note": "in order"}, "orderingKey": "batch"}""",
            """{"type": "probe", "payload": {"note": "later"}, "delay": "PT1S"}""",
            $$$"""{"type": "probe", "payload": {"note": "{{{new string('x', 1_100_000)}}}"}}""",
            """{"type": "probe", "payload": {"note": "last"}, "priority": "bulk"}""",
        ];
        using var response = await weir.Http.PostBatchAsync(string.Join("\r\n", lines), "?name=of%20all%20kinds");
        var answer = await response.ReadJsonAsync();
        Assert.Equal(
            ["1 malformedJson", "2 unknownType", "3 invalidRequest", "4 invalidRequest", "7 bodyTooLarge"],
            answer.GetProperty("refusedItems").EnumerateArray().Select(item => $"{item.GetProperty("index")} {item.Text("code")}"));

        var id = answer.Text("id")!;
        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal(("of all kinds", 9, 4, 5), (batch.Text("name"), batch.GetProperty("total").GetInt32(), batch.Count("succeeded"), batch.Count("refused")));
        var done = await weir.Http.ItemsAsync(id, "succeeded");
        Assert.Equal(["first", "in order", "later", "last"], done.Select(item => item.GetProperty("result").Text("note")));
        var job = await weir.Http.ShowAsync(done[0].Text("id")!);
        Assert.Equal($"/api/batches/{id}", job.GetProperty("links").Text("batch"));
        var listed = await weir.Http.GetFromJsonAsync<JsonElement>("api/batches?limit=100");
        Assert.Contains(id, listed.GetProperty("batches").EnumerateArray().Select(one => one.Text("id")));
    }

    [Fact]
    public async Task What_has_not_begun_is_held_while_a_batch_is_paused_and_goes_on_when_it_is_resumed()
    {
        var id = (await weir.Http.BatchAsync(Enumerable.Range(0, 300).Select(_ => new { sleepMs = 100, effect = "batch-paused" }))).Text("id")!;
        Assert.Equal("paused", (await weir.Http.ChangeAsync(id, "pause")).State());
        await weir.Http.UntilHeldAsync(id);
        var paused = await weir.Http.GetFromJsonAsync<JsonElement>($"api/batches/{id}");
        Assert.InRange(paused.Count("pending"), 100, 300);
        Assert.Equal(paused.Count("pending"), (await weir.Http.ItemsAsync(id, "pending")).Count);

        await weir.Http.ChangeAsync(id, "resume");
        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal(300, batch.Count("succeeded"));
        var effects = await weir.Http.EffectsAsync("batch-paused");
        Assert.Equal((300, 300), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
        Assert.Equal("batchOver", (await weir.Http.RefusedChangeAsync(id, "pause")).Text("code"));
    }

    [Fact]
    public async Task A_cancelled_batch_ends_with_every_item_accounted_for()
    {
        var id = (await weir.Http.BatchAsync(Enumerable.Range(0, 400).Select(_ => new { sleepMs = 100, effect = "batch-cancelled" }), "&completion=probe.completion")).Text("id")!;
        using var cancelled = await weir.Http.DeleteAsync($"api/batches/{id}?reason=wrong%20customer");
        Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        var batch = await weir.Http.BatchBecomesAsync(id, "cancelled");
        Assert.Equal((400, "wrong customer"), (batch.Count("succeeded") + batch.Count("cancelled"), batch.Text("cancelReason")));
        Assert.InRange(batch.Count("cancelled"), 1, 400);
        Assert.Equal(batch.Count("succeeded"), (await weir.Http.EffectsAsync("batch-cancelled")).GetProperty("count").GetInt32());
        await weir.Http.FinalAsync(batch.GetProperty("completion").Text("id")!);

        using var again = await weir.Http.DeleteAsync($"api/batches/{id}");
        Assert.Equal("batchOver", (await again.ReadJsonAsync()).Text("code"));
        Assert.Equal("batchCancelled", (await weir.Http.RefusedChangeAsync(id, "retry")).Text("code"));
    }

    [Fact]
    public async Task A_replay_from_the_catalogue_changes_the_counts()
    {
        var id = (await weir.Http.BatchAsync([new { failFirst = 1, failAs = "permanent" }, new { failFirst = 1_000, failAs = "permanent" }])).Text("id")!;
        await weir.Http.BatchBecomesAsync(id, "completed");
        var failed = await weir.Http.ItemsAsync(id, "deadLettered");
        Assert.Equal(2, failed.Count);
        foreach (var item in failed)
            await weir.Http.ReplayCollectedAsync(item.Text("id")!);

        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal((1, 1), (batch.Count("succeeded"), batch.Count("deadLettered")));
    }

    [Fact]
    public async Task The_same_request_under_its_key_is_the_same_batch()
    {
        var first = await weir.Http.BatchAsync([new { note = "a" }, new { note = "b" }], key: "same-batch");
        using var again = await weir.Http.PostBatchAsync("{\"note\":\"a\"}\n{\"note\":\"b\"}\n", "?type=probe", "same-batch");
        Assert.Equal((HttpStatusCode.Accepted, "true"), (again.StatusCode, string.Join("", again.Headers.GetValues("Idempotency-Replayed"))));
        Assert.Equal(first.Text("id"), (await again.ReadJsonAsync()).Text("id"));
        foreach (var other in new[] { "{\"note\":\"a\"}", "{\"note\":\"a\"}\n{\"note\":\"c\"}", "{\"note\":\"a\"}\n{\"note\":\"b\"}\n{}" })
        {
            using var refused = await weir.Http.PostBatchAsync(other, "?type=probe", "same-batch");
            Assert.Equal("idempotencyKeyReused", (await refused.ReadJsonAsync()).Text("code"));
        }
        Assert.Equal(2, (await weir.Http.BatchBecomesAsync(first.Text("id")!, "completed")).Count("succeeded"));
    }

    [Theory]
    [InlineData("", "", "application/x-ndjson", 400, "invalidRequest")]
    [InlineData("", "\n \n", "application/x-ndjson", 400, "invalidRequest")]
    [InlineData("", "[]", "application/json", 400, "invalidRequest")]
    [InlineData("", "{}", "application/json", 400, "invalidRequest")]
    [InlineData("", "[{]", "application/json", 400, "malformedJson")]
    [InlineData("", "[]", "text/plain", 415, "unsupportedMediaType")]
    [InlineData("?colour=red", "{}", "application/x-ndjson", 400, "invalidQuery")]
    [InlineData("?priority=bulk", "{}", "application/x-ndjson", 400, "invalidQuery")]
    [InlineData("?type=probe&priority=soon", "{}", "application/x-ndjson", 400, "invalidQuery")]
    [InlineData("?type=probe&version=0", "{}", "application/x-ndjson", 400, "invalidQuery")]
    [InlineData("?type=probe&completion=nope", "{}", "application/x-ndjson", 422, "completionRefused")]
    [InlineData("?type=probe&completion=probe", "{}", "application/x-ndjson", 422, "completionRefused")]
    public async Task A_request_that_is_wrong_as_a_whole_gets_a_problem(string query, string body, string contentType, int status, string code)
    {
        using var response = await weir.Http.PostBatchAsync(body, query, contentType: contentType);
        Assert.Equal((status, code), ((int)response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }

    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("application/json")]
    public async Task Too_many_items_are_refused_and_what_was_begun_of_them_is_stopped(string contentType)
    {
        var lines = Enumerable.Repeat("{}", Many + 1);
        using var response = await weir.Http.PostBatchAsync(contentType == BatchClient.NdJson ? string.Join('\n', lines) : $"[{string.Join(',', lines)}]", "?type=probe", "beyond", contentType);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "tooManyItems"), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
        if (contentType != BatchClient.NdJson)
            return;
        using var again = await weir.Http.PostBatchAsync("{}", "?type=probe", "beyond");
        Assert.Equal((HttpStatusCode.Conflict, "batchRefused"), (again.StatusCode, (await again.ReadJsonAsync()).Text("code")));
    }

    [Theory]
    [InlineData("nothing", "batchNotFound")]
    [InlineData("3f0c9a52-7c1f-8d0e-9b1a-52f3a5c1e2d4", "batchNotFound")]
    public async Task There_is_nothing_under_an_unknown_id(string id, string code)
    {
        foreach (var path in new[] { "", "/items" })
        {
            using var response = await weir.Http.GetAsync($"api/batches/{id}{path}");
            Assert.Equal((HttpStatusCode.NotFound, code), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
        }
        foreach (var verb in new[] { "retry", "pause", "resume" })
            Assert.Equal(code, (await weir.Http.RefusedChangeAsync(id, verb)).Text("code"));
    }

    [Theory]
    [InlineData("?wait=PT1M", "invalidWait")]
    [InlineData("/items?state=sleepy", "invalidQuery")]
    [InlineData("/items?limit=0", "invalidQuery")]
    [InlineData("/items?cursor=x", "invalidQuery")]
    public async Task A_question_that_is_wrong_gets_a_problem(string question, string code)
    {
        var id = (await weir.Http.BatchAsync([new { }])).Text("id");
        using var response = await weir.Http.GetAsync($"api/batches/{id}{question}");
        Assert.Equal((HttpStatusCode.BadRequest, code), (response.StatusCode, (await response.ReadJsonAsync()).Text("code")));
    }
}
