using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What died is all there to see, and runs again when an operator says so.</summary>
public sealed class DeadLetterTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task A_dead_letter_tells_everything_about_its_job()
    {
        var payload = new { effect = "context", failFirst = 1_000, note = "look at me" };
        var id = await weir.Http.SubmitAsync("probe", payload, more: new { orderingKey = "key-1", correlationId = "order-7", priority = "critical" });
        var entry = await weir.Http.DeadLetterAsync(id);
        var job = await weir.Http.FinalAsync(id);

        Assert.Equal(("open", "attemptsExhausted", "probe", "default", "critical", "key-1", "order-7"), (
            Text(entry, "state"), Text(entry, "reason"), Text(entry, "type"), Text(entry, "tenant"), Text(entry, "queue"), Text(entry, "orderingKey"), Text(entry, "correlationId")));
        Assert.Equal((1, 5, 0), (entry.GetProperty("version").GetInt32(), entry.GetProperty("attemptCount").GetInt32(), entry.GetProperty("run").GetInt32()));
        Assert.Matches("^[0-9a-f]{16}$", Text(entry, "fingerprint"));
        Assert.Matches("^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$", Text(entry, "traceParent"));
        Assert.Equal((Text(job, "submittedAt"), Text(job, "finishedAt")), (Text(entry, "submittedAt"), Text(entry, "diedAt")));
        Assert.Equal(("look at me", 1_000), (Text(entry.GetProperty("payload"), "note"), entry.GetProperty("payload").GetProperty("failFirst").GetInt32()));
        Assert.Equal("Transient", Text(entry.GetProperty("error"), "class"));
        Assert.Contains("RunProbe.FailAsync", Text(entry.GetProperty("error"), "stack"));
        Assert.Equal([1, 2, 3, 4, 5], entry.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("number").GetInt32()));
        Assert.All(entry.GetProperty("attempts").EnumerateArray(), attempt => Assert.Contains("RunProbe.FailAsync", Text(attempt.GetProperty("error"), "stack")));
        Assert.Equal($"/api/dead-letters/{id}", Text(job.GetProperty("links"), "deadLetter"));

        var listed = await weir.Http.GetFromJsonAsync<JsonElement>("api/dead-letters?type=probe&reason=attemptsExhausted&state=open&limit=100");
        Assert.Contains(listed.GetProperty("deadLetters").EnumerateArray(), one => Text(one, "id") == id && !one.TryGetProperty("payload", out _));
        var groups = await weir.Http.GetFromJsonAsync<JsonElement>($"api/dead-letters/groups?fingerprint={Text(entry, "fingerprint")}");
        Assert.Equal(Text(entry, "fingerprint"), Text(Assert.Single(groups.GetProperty("groups").EnumerateArray()), "fingerprint"));
    }

    [Fact]
    public async Task A_mended_payload_makes_the_replay_succeed_and_both_payloads_are_kept()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "mended", failFirst = 1_000, failAs = "permanent", note = "broken" });
        await weir.Http.DeadLetterAsync(id);

        using (var broken = await weir.Http.ReplayAsync(id, new { payload = new { effect = "mended", sleepMs = -1, colour = "red" } }))
        {
            var problem = await broken.ReadJsonAsync();
            Assert.Equal((HttpStatusCode.UnprocessableEntity, "contractViolation"), (broken.StatusCode, Text(problem, "code")));
            Assert.Equal("/payload/colour", Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
        }
        using var replayed = await weir.Http.ReplayAsync(id, new { payload = new { effect = "mended", note = "whole" }, reason = "typo" }, "ada");
        var answer = await replayed.ReadJsonAsync();
        Assert.True(replayed.StatusCode == HttpStatusCode.Accepted, answer.ToString());
        Assert.Equal(($"/api/jobs/{id}", "ada", true), (replayed.Headers.Location!.OriginalString, Text(answer, "by"), answer.GetProperty("started").GetBoolean()));

        var job = await weir.Http.FinalAsync(id);
        Assert.Equal(("succeeded", "whole"), (Text(job, "state"), Text(job.GetProperty("result"), "note")));
        Assert.Equal(["failed", "succeeded"], job.GetProperty("attempts").EnumerateArray().Select(attempt => Text(attempt, "outcome")));
        var replay = Assert.Single(job.GetProperty("replays").EnumerateArray());
        Assert.Equal((1, "ada", "typo", true, 1), (
            replay.GetProperty("number").GetInt32(), Text(replay, "by"), Text(replay, "reason"), replay.GetProperty("mended").GetBoolean(), replay.GetProperty("earlierAttempts").GetInt32()));

        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal(("replayed", "ada", "typo", "succeeded"), (Text(entry, "state"), Text(entry.GetProperty("handled"), "by"), Text(entry.GetProperty("handled"), "reason"), Text(entry, "jobState")));
        Assert.Equal("whole", Text(entry.GetProperty("payload"), "note"));
        Assert.Equal("broken", Text(entry.GetProperty("replays")[0].GetProperty("payloadBefore"), "note"));

        using var again = await weir.Http.ReplayAsync(id, operatorName: "bob");
        var refused = await again.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.Conflict, "alreadyReplayed", "ada"), (again.StatusCode, Text(refused, "code"), Text(refused, "by")));
    }

    [Fact]
    public async Task A_replay_that_dies_again_is_a_new_dead_letter_of_the_same_job()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "again", failFirst = 2, failAs = "permanent" });
        await weir.Http.DeadLetterAsync(id);
        (await weir.Http.ReplayAsync(id)).Dispose();
        var second = await weir.Http.DeadLetterAsync(id, run: 1);
        Assert.Equal(("open", 2), (Text(second, "state"), second.GetProperty("attempts").GetArrayLength()));

        (await weir.Http.ReplayAsync(id)).Dispose();
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal(("succeeded", 3, 2), (Text(job, "state"), job.GetProperty("attempts").GetArrayLength(), job.GetProperty("replays").GetArrayLength()));
        Assert.Equal((1, 3), await weir.Http.CountsAsync("again"));
    }

    [Fact]
    public async Task A_payload_too_large_for_a_message_is_kept_and_replayed_too()
    {
        var properties = Enumerable.Range(0, 300).ToDictionary(number => $"property-{number}", _ => new string('x', 1_000));
        using var failing = await weir.Http.PutAsJsonAsync("sim/analytics", new { failureRate = 1.0, failWith = 400 });
        failing.EnsureSuccessStatusCode();
        var id = await weir.Http.SubmitAsync("analytics.track", new { name = "large", userId = "u-1", properties });
        var entry = await weir.Http.DeadLetterAsync(id);
        using var healed = await weir.Http.PutAsJsonAsync("sim/analytics", new { failureRate = 0.0 });
        healed.EnsureSuccessStatusCode();

        Assert.Equal(300, entry.GetProperty("payload").GetProperty("properties").EnumerateObject().Count());
        (await weir.Http.ReplayAsync(id)).Dispose();
        Assert.Equal("succeeded", Text(await weir.Http.FinalAsync(id), "state"));
    }

    [Fact]
    public async Task Asked_by_many_at_once_a_replay_is_one_run()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "once", failFirst = 1, failAs = "permanent" });
        await weir.Http.DeadLetterAsync(id);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using var response = await weir.Http.ReplayAsync(id);
            return (response.StatusCode, Started: (await response.ReadJsonAsync()).TryGetProperty("started", out var started) && started.GetBoolean());
        }));

        Assert.Single(answers, answer => answer.Started);
        Assert.All(answers, answer => Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.Accepted, HttpStatusCode.Conflict }));
        Assert.Equal("succeeded", Text(await weir.Http.FinalAsync(id), "state"));
        Assert.Equal((1, 2), await weir.Http.CountsAsync("once"));
    }

    [Fact]
    public async Task A_discarded_dead_letter_stays_with_who_and_why_and_is_never_replayed()
    {
        var id = await weir.Http.SubmitAsync("probe", new { effect = "discarded", failFirst = 1, failAs = "permanent" });
        await weir.Http.DeadLetterAsync(id);
        using (var unsaid = await weir.Http.DeleteAsync($"api/dead-letters/{id}"))
            Assert.Equal((HttpStatusCode.BadRequest, "invalidQuery"), (unsaid.StatusCode, Text(await unsaid.ReadJsonAsync(), "code")));

        using var request = new HttpRequestMessage(HttpMethod.Delete, $"api/dead-letters/{id}?reason=the%20customer%20left") { Headers = { { "Weir-Operator", "ada" } } };
        using var response = await weir.Http.SendAsync(request);
        var entry = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, entry.ToString());
        Assert.Equal(("discarded", "deadLettered", "ada", "the customer left"), (
            Text(entry, "state"), Text(entry, "jobState"), Text(entry.GetProperty("handled"), "by"), Text(entry.GetProperty("handled"), "reason")));

        using var replay = await weir.Http.ReplayAsync(id);
        Assert.Equal((HttpStatusCode.Conflict, "discarded"), (replay.StatusCode, Text(await replay.ReadJsonAsync(), "code")));
        var job = await weir.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}");
        Assert.Equal(("deadLettered", "ada"), (Text(job, "state"), Text(job.GetProperty("discarded"), "by")));
        Assert.Equal((0, 1), await weir.Http.CountsAsync("discarded"));
    }

    [Theory]
    [InlineData("GET", "api/dead-letters?limit=101", null, 400, "invalidQuery")]
    [InlineData("GET", "api/dead-letters?colour=red", null, 400, "invalidQuery")]
    [InlineData("GET", "api/dead-letters?cursor=MjAyNjAxIHh4", null, 400, "invalidQuery")]
    [InlineData("GET", "api/dead-letters/groups?limit=5", null, 400, "invalidQuery")]
    [InlineData("GET", "api/dead-letters/nothing", null, 404, "deadLetterNotFound")]
    [InlineData("GET", "api/dead-letters/00000000-0000-4000-8000-000000000000", null, 404, "deadLetterNotFound")]
    [InlineData("POST", "api/dead-letters/00000000-0000-4000-8000-000000000000/replay", null, 404, "deadLetterNotFound")]
    [InlineData("POST", "api/dead-letters/00000000-0000-4000-8000-000000000000/replay", """{"reasn": "x"}""", 400, "invalidRequest")]
    [InlineData("POST", "api/dead-letters/00000000-0000-4000-8000-000000000000/replay", "{", 400, "malformedJson")]
    [InlineData("POST", "api/dead-letters/replay", "{}", 400, "invalidRequest")]
    [InlineData("POST", "api/dead-letters/replay", """{"type": "probe", "limit": 100000}""", 400, "invalidRequest")]
    [InlineData("DELETE", "api/dead-letters/00000000-0000-4000-8000-000000000000?reason=x", null, 404, "deadLetterNotFound")]
    public async Task A_request_that_is_wrong_gets_a_problem(string method, string path, string? body, int status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await weir.Http.SendAsync(request);
        var problem = await response.ReadJsonAsync();
        Assert.True((HttpStatusCode)status == response.StatusCode, $"{response.StatusCode}: {problem}");
        Assert.Equal(("application/problem+json", code), (response.Content.Headers.ContentType?.MediaType, Text(problem, "code")));
    }

    [Fact]
    public async Task A_job_that_lives_cannot_be_replayed_or_discarded()
    {
        var id = await weir.Http.SubmitAsync("probe", new { note = "alive" });
        await weir.Http.FinalAsync(id);
        using var replay = await weir.Http.ReplayAsync(id);
        Assert.Equal((HttpStatusCode.Conflict, "notDeadLettered"), (replay.StatusCode, Text(await replay.ReadJsonAsync(), "code")));
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}

/// <summary>A thousand of them, in a deployment of their own.</summary>
public sealed class ManyDeadLettersTests(OneInstance weir) : IClassFixture<OneInstance>
{
    private const int Count = 1_000;

    [Fact]
    public async Task A_thousand_are_replayed_by_filter_each_once_however_often_it_is_asked()
    {
        foreach (var chunk in Enumerable.Range(0, Count).Chunk(50))
            await Task.WhenAll(chunk.Select(number => weir.Http.SubmitAsync("probe", new { effect = "thousand", failFirst = 1, failAs = "permanent" }, key: $"dead-{number}")));
        var group = await GroupAsync();
        var fingerprint = group.GetProperty("fingerprint").GetString();

        var dry = await ReplayManyAsync(new { fingerprint, dryRun = true });
        Assert.Equal((Count, 0), (dry.GetProperty("matched").GetInt32(), dry.GetProperty("replayed").GetInt32()));
        Assert.Equal((0, Count), await weir.Http.CountsAsync("thousand"));

        // Two operators at once; each goes on where a request's bound stopped it.
        var replayed = await Task.WhenAll(ReplayAllAsync(fingerprint!), ReplayAllAsync(fingerprint!));
        Assert.Equal(Count, replayed.Sum());
        await DeadLetterClient.UntilAsync(async () => (await weir.Http.CountsAsync("thousand")).Effects == Count);
        Assert.Equal((Count, Count * 2), await weir.Http.CountsAsync("thousand"));

        var left = await ReplayManyAsync(new { all = true });
        Assert.Equal((0, 0), (left.GetProperty("matched").GetInt32(), left.GetProperty("replayed").GetInt32()));
        group = await GroupAsync(open: 0);
        Assert.Equal((Count, 0), (group.GetProperty("count").GetInt32(), group.GetProperty("open").GetInt32()));
        Assert.Equal(Count, (await ListedAsync("state=replayed")).Distinct().Count());
    }

    private async Task<int> ReplayAllAsync(string fingerprint)
    {
        var replayed = 0;
        string? cursor = null;
        for (var requests = 0; requests < 50; requests++)
        {
            var counts = await ReplayManyAsync(new { type = "probe", fingerprint, reason = "permanent", limit = 400, cursor, why = "the cause is mended" });
            Assert.Equal(0, counts.GetProperty("failed").GetArrayLength());
            replayed += counts.GetProperty("replayed").GetInt32();
            if (!counts.TryGetProperty("cursor", out var next))
                return replayed;
            cursor = next.GetString();
        }
        throw new InvalidOperationException("The cursor never ended.");
    }

    private async Task<JsonElement> ReplayManyAsync(object body)
    {
        using var response = await weir.Http.PostAsJsonAsync("api/dead-letters/replay", body);
        var counts = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{response.StatusCode}: {counts}");
        return counts;
    }

    /// <summary>The one cause there is, once all have died of it (and that many are open).</summary>
    private async Task<JsonElement> GroupAsync(int open = Count)
    {
        JsonElement found = default;
        await DeadLetterClient.UntilAsync(async () =>
        {
            var groups = (await weir.Http.GetFromJsonAsync<JsonElement>("api/dead-letters/groups")).GetProperty("groups");
            if (groups.GetArrayLength() > 0)
                found = Assert.Single(groups.EnumerateArray());
            return groups.GetArrayLength() > 0 && found.GetProperty("count").GetInt32() == Count && found.GetProperty("open").GetInt32() == open;
        });
        return found;
    }

    private async Task<List<string>> ListedAsync(string query)
    {
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = await weir.Http.GetFromJsonAsync<JsonElement>($"api/dead-letters?{query}&limit=99{(cursor is null ? "" : $"&cursor={cursor}")}");
            var found = page.GetProperty("deadLetters").EnumerateArray().ToArray();
            Assert.InRange(found.Length, 0, 99);
            ids.AddRange(found.Select(one => one.GetProperty("id").GetString()!));
            cursor = page.TryGetProperty("cursor", out var next) ? next.GetString() : null;
        }
        while (cursor is not null);
        return ids;
    }
}

/// <summary>What an operator does over HTTP.</summary>
internal static class DeadLetterClient
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>The job's dead letter, once the catalogue has that of its given run.</summary>
    public static async Task<JsonElement> DeadLetterAsync(this HttpClient http, string id, int run = 0)
    {
        JsonElement found = default;
        await UntilAsync(async () =>
        {
            using var response = await http.GetAsync($"api/dead-letters/{id}");
            found = await response.ReadJsonAsync();
            return response.StatusCode == HttpStatusCode.OK && found.GetProperty("run").GetInt32() == run;
        });
        return found;
    }

    public static async Task<HttpResponseMessage> ReplayAsync(this HttpClient http, string id, object? body = null, string? operatorName = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"api/dead-letters/{id}/replay") { Content = body is null ? null : JsonContent.Create(body) };
        if (operatorName is not null)
            request.Headers.Add("Weir-Operator", operatorName);
        return await http.SendAsync(request);
    }

    public static async Task<(int Effects, int Starts)> CountsAsync(this HttpClient http, string effect)
    {
        var effects = await http.EffectsAsync(effect);
        return (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32());
    }

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
            await Task.Delay(30, limit.Token);
    }
}
