using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weir.Shards;

namespace Unit.Tests.Shards;

/// <summary>Where a front sends what, and what it makes of the answers.</summary>
public sealed class ShardFrontTests
{
    private const string Id = "0190c0de-0000-7000-8000-000000000001";

    [Fact]
    public async Task A_tenants_requests_go_to_one_shard_with_his_own_key_and_nothing_of_the_hop()
    {
        var shards = new FakeShards(request => (202, new { id = Id, links = new { self = $"/api/jobs/{Id}" } }));
        await using var front = await FrontInMemory.StartAsync(shards);
        var (status, body, _) = await front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, """{"type":"probe"}""",
            ("Idempotency-Key", "one"), ("Connection", "close, X-Hop"), ("X-Hop", "1"), ("X-MS-CLIENT-PRINCIPAL", "forged"), ("TE", "trailers"), ("traceparent", "00-1-2-03"));
        Assert.Equal((202, Id), (status, body.GetProperty("id").GetString()));
        await front.SendAsync("GET", $"/api/jobs/{Id}?wait=PT1S", FrontInMemory.Acme);
        await front.SendAsync("GET", "/api/jobs?state=queued", FrontInMemory.Acme);

        Assert.Single(shards.Asked.Select(one => one.Shard).Distinct());
        Assert.Equal(["/api/jobs", $"/api/jobs/{Id}?wait=PT1S", "/api/jobs?state=queued"], shards.Asked.Select(one => one.Target));
        var sent = shards.Asked[0];
        Assert.Equal("""{"type":"probe"}""", sent.Body);
        Assert.Equal(($"Bearer {FrontInMemory.Acme}", "one", "00-1-2-03"), (sent.Headers["Authorization"], sent.Headers["Idempotency-Key"], sent.Headers["traceparent"]));
        Assert.DoesNotContain(sent.Headers.Keys, name => name.ToLowerInvariant() is "connection" or "x-hop" or "x-ms-client-principal" or "te" or "host");
    }

    [Theory]
    [InlineData("//evil.example/api/jobs")]
    [InlineData("/@evil.example/")]
    [InlineData("/.evil.example/")]
    public async Task A_path_cannot_lead_elsewhere(string path)
    {
        var shards = new FakeShards(request => (404, null));
        await using var front = await FrontInMemory.StartAsync(shards);
        await front.SendAsync("GET", path, FrontInMemory.Acme);
        Assert.All(shards.Asked, one => Assert.Contains(one.Shard, new[] { "a", "b", "c" }));
        Assert.Equal(path, Assert.Single(shards.Asked).Target);
    }

    [Theory]
    [InlineData("/api/jobs/%2500")]
    [InlineData("/api/jobs/a%252Fb/events/%2525?wait=%2500&a=%20b")]
    [InlineData("/api/jobs/a%2Fb/../c")]
    public async Task A_path_goes_on_as_it_came(string target)
    {
        var shards = new FakeShards(request => (404, null));
        await using var front = await FrontInMemory.StartAsync(shards);
        await front.SendAsync("GET", target, FrontInMemory.Acme);
        Assert.Equal(target, Assert.Single(shards.Asked).Target);
    }

    [Fact]
    public async Task A_body_without_an_end_that_breaks_off_or_trickles_is_the_clients_mistake_and_no_shards()
    {
        var shards = new FakeShards(request => (202, new { }));
        await using var front = await FrontInMemory.StartAsync(shards);
        var endless = new StreamOf((_, _) => ValueTask.FromResult(64));
        Assert.Equal((413, "bodyTooLarge"), Coded(await front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, endless)));
        Assert.InRange(endless.Taken, 1024 * 1024, 1024 * 1024 + 64 * 1024);
        Assert.Equal((400, "brokenBody"), Coded(await front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, new StreamOf((_, _) => throw new IOException("Bad chunk size data.")))));

        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var trickling = front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, new StreamOf(async (_, cancellation) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return 0;
        }));
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        front.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((408, "bodyTooSlow"), Coded(await trickling.WaitAsync(TimeSpan.FromSeconds(30))));
        Assert.Empty(shards.Asked); // to its end
    }

    [Fact]
    public async Task The_lines_of_a_batch_may_come_for_longer_than_another_body()
    {
        var shards = new FakeShards(request => (202, new { }));
        await using var front = await FrontInMemory.StartAsync(shards);
        var (asked, more) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously));
        var reads = 0;
        var sending = front.SendAsync("POST", "/api/batches", FrontInMemory.Acme, new StreamOf(async (_, cancellation) =>
        {
            asked.TrySetResult();
            return reads++ == 0 ? await more.Task.WaitAsync(cancellation) : 0;
        }), ("Content-Type", "application/x-ndjson; charset=utf-8"));
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        front.Clock.Advance(TimeSpan.FromSeconds(200));
        more.SetResult(8);
        Assert.Equal(202, (await sending.WaitAsync(TimeSpan.FromSeconds(30))).Status);
    }

    [Theory]
    [InlineData("/dashboard")]
    [InlineData("/Dashboard/jobs")]
    public async Task No_shards_dashboard_is_shown_as_if_it_were_everybodys(string path)
    {
        var shards = new FakeShards(request => (200, new { }));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal((404, "noSuchRoute"), Coded(await front.SendAsync("GET", path)));
        Assert.Empty(shards.Asked);
    }

    [Fact]
    public async Task A_stranger_is_refused_here_and_nobody_is_pinned_by_one_who_may_not_submit()
    {
        var shards = new FakeShards(request => (200, new { }));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal(401, (await front.SendAsync("POST", "/api/jobs", key: "weir_wrong", body: "{}")).Status);
        Assert.Equal(401, (await front.SendAsync("GET", "/api/jobs", key: null)).Status);
        Assert.Equal((400, "tenantMissing"), Coded(await front.SendAsync("POST", "/api/jobs", body: "{}")));
        Assert.Equal(403, (await front.SendAsync("GET", "/api/jobs", FrontInMemory.Acme, headers: ("Weir-Tenant", "other"))).Status);
        Assert.Empty(shards.Asked);
    }

    [Fact]
    public async Task A_front_that_is_listed_as_a_shard_sends_nothing_on()
    {
        FrontInMemory? itself = null;
        var shards = new FakeShards(async (request, _) =>
        {
            var (status, body, _) = await itself!.SendAsync(request.Method, request.Target, body: request.Body, headers: [.. request.Headers.Select(header => (header.Key, header.Value))]);
            return FakeShards.Answer((status, body.ValueKind == JsonValueKind.Undefined ? null : body));
        });
        await using var front = itself = await FrontInMemory.StartAsync(shards);
        Assert.Equal((508, "shardIsFront"), Coded(await front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, "{}")));
        Assert.Single(shards.Asked);
        Assert.Equal(503, (await front.SendAsync("GET", "/api/health/ready", key: null)).Status);
        Assert.Equal((503, "shardUnavailable"), Coded(await front.SendAsync("GET", "/api/jobs")));
        Assert.Equal(7, shards.Asked.Count); // each shard once for either
    }

    [Fact]
    public async Task A_shard_that_is_down_is_503_with_retry_after_and_is_asked_once()
    {
        var shards = new FakeShards((request, _) => throw FakeShards.Down());
        await using var front = await FrontInMemory.StartAsync(shards);
        var answer = await front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, "{}");
        Assert.Equal((503, "shardUnavailable"), Coded(answer));
        Assert.True(int.Parse(answer.Headers.RetryAfter.ToString()) > 0);
        Assert.Contains("Nothing was done", answer.Body.GetProperty("detail").GetString());
        Assert.Single(shards.Asked);
    }

    [Fact]
    public async Task One_that_does_not_answer_in_time_may_have_done_it_and_is_not_asked_again()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var shards = new FakeShards(async (request, cancellation) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null!;
        });
        await using var front = await FrontInMemory.StartAsync(shards);
        var sent = front.SendAsync("POST", "/api/jobs", FrontInMemory.Acme, "{}");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        front.Clock.Advance(ShardCalls.Longest);
        var answer = await sent.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((503, "shardUnavailable"), Coded(answer));
        Assert.Contains("whether it was done is not known", answer.Body.GetProperty("detail").GetString());
        Assert.Single(shards.Asked);
    }

    [Fact]
    public async Task A_shard_that_hangs_takes_no_more_than_its_bound_and_the_others_go_on()
    {
        var hang = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var victim = "";
        var shards = new FakeShards(async (request, _) =>
        {
            if (request.Shard == victim)
                await hang.Task;
            return FakeShards.Answer((202, new { }));
        });
        await using var front = await FrontInMemory.StartAsync(shards, most: 3);
        var tenants = Enumerable.Range(0, 30).Select(i => $"t{i}").ToArray();
        victim = (await front.Get<ShardAssignment>().AssignAsync("t0", default)).Name;
        var waiting = Enumerable.Range(0, 3).Select(_ => Submit("t0")).ToArray();
        Assert.Equal((503, "shardUnavailable"), Coded(await Submit("t0")));
        foreach (var tenant in tenants)
        {
            if ((await front.Get<ShardAssignment>().AssignAsync(tenant, default)).Name != victim)
                Assert.Equal(202, (await Submit(tenant)).Status);
        }
        hang.SetResult();
        await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(202, (await Submit("t0")).Status);

        Task<(int Status, JsonElement Body, Microsoft.AspNetCore.Http.IHeaderDictionary Headers)> Submit(string tenant) =>
            front.SendAsync("POST", "/api/jobs", body: "{}", headers: ("Weir-Tenant", tenant));
    }

    [Fact]
    public async Task An_id_without_a_tenant_is_answered_by_the_shard_that_knows_it()
    {
        var shards = new FakeShards(request => request.Shard == "b" ? (200, new { id = Id, shard = "b" }) : (404, new { code = "jobNotFound" }));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal("b", (await front.SendAsync("GET", $"/api/jobs/{Id}")).Body.GetProperty("shard").GetString());
        await front.SendAsync("POST", $"/api/dead-letters/{Id}/replay", body: """{"reason":"mended"}""");
        Assert.Equal(3, shards.Asked.Count(one => one.Body == """{"reason":"mended"}"""));
    }

    [Fact]
    public async Task An_id_that_nobody_knows_is_404_only_when_everybody_was_asked()
    {
        var down = false;
        var shards = new FakeShards((request, _) => down && request.Shard == "a" ? throw FakeShards.Down() : Task.FromResult(FakeShards.Answer((404, new { code = "jobNotFound" }))));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal((404, "jobNotFound"), Coded(await front.SendAsync("GET", $"/api/jobs/{Id}")));
        down = true;
        Assert.Equal((503, "shardUnavailable"), Coded(await front.SendAsync("GET", $"/api/jobs/{Id}")));
    }

    [Fact]
    public async Task A_list_of_all_tenants_goes_from_shard_to_shard_and_each_line_comes_once()
    {
        var shards = new FakeShards(request => (200, Page(request, perShard: 7)));
        await using var front = await FrontInMemory.StartAsync(shards);
        var seen = new List<string>();
        var cursor = "";
        var pages = 0;
        do
        {
            var (status, page, _) = await front.SendAsync("GET", $"/api/jobs?limit=4&state=queued{(cursor.Length == 0 ? "" : $"&cursor={cursor}")}");
            Assert.Equal(200, status);
            var lines = page.GetProperty("jobs").EnumerateArray().ToArray();
            Assert.InRange(lines.Length, 0, 4);
            Assert.All(lines, line => Assert.StartsWith(line.GetProperty("shard").GetString()!, line.GetProperty("id").GetString()));
            seen.AddRange(lines.Select(line => line.GetProperty("id").GetString()!));
            cursor = page.TryGetProperty("cursor", out var next) ? next.GetString()! : "";
        }
        while (cursor.Length > 0 && ++pages < 20);
        Assert.Equal(21, seen.Count);
        Assert.Equal(21, seen.Distinct().Count());
        Assert.All(shards.Asked, one => Assert.Contains("state=queued", one.Target));
    }

    [Fact]
    public async Task A_list_names_the_shards_that_did_not_answer()
    {
        var shards = new FakeShards((request, _) => request.Shard == "b" ? throw FakeShards.Down() : Task.FromResult(FakeShards.Answer((200, Page(request, perShard: 1)))));
        await using var front = await FrontInMemory.StartAsync(shards);
        var (status, page, _) = await front.SendAsync("GET", "/api/jobs");
        Assert.Equal((200, 2, "[\"b\"]"), (status, page.GetProperty("jobs").GetArrayLength(), page.GetProperty("shardsUnavailable").GetRawText()));

        var none = new FakeShards((request, _) => throw FakeShards.Down());
        await using var alone = await FrontInMemory.StartAsync(none);
        Assert.Equal((503, "shardUnavailable"), Coded(await alone.SendAsync("GET", "/api/jobs")));
        Assert.Equal((503, "shardUnavailable"), Coded(await alone.SendAsync("GET", "/api/queues")));
    }

    [Theory]
    [InlineData("elsewhere.x")]
    [InlineData("nothing")]
    public async Task A_cursor_of_nobody_is_a_mistake_in_the_query(string cursor)
    {
        await using var front = await FrontInMemory.StartAsync(new FakeShards(request => (200, new { jobs = Array.Empty<int>() })));
        Assert.Equal((400, "invalidQuery"), Coded(await front.SendAsync("GET", $"/api/jobs?cursor={cursor}")));
    }

    [Fact]
    public async Task A_replay_by_filter_does_as_much_as_its_limit_and_adds_up()
    {
        var shards = new FakeShards(request =>
        {
            var limit = JsonNode.Parse(request.Body!)!["limit"]?.GetValue<int>() ?? 1_000;
            var matched = Math.Min(limit, 6);
            return (200, new { dryRun = false, matched, replayed = matched - 1, skipped = 0, failed = new[] { new { id = request.Shard, code = "x" } } });
        });
        await using var front = await FrontInMemory.StartAsync(shards);
        var (_, body, _) = await front.SendAsync("POST", "/api/dead-letters/replay", body: """{"all":true,"limit":10}""");
        Assert.Equal((10, 8, "c."), (body.GetProperty("matched").GetInt32(), body.GetProperty("replayed").GetInt32(), body.GetProperty("cursor").GetString()));
        Assert.Equal(["a", "b"], body.GetProperty("failed").EnumerateArray().Select(one => one.GetProperty("id").GetString()));
        Assert.Equal(["a", "b"], shards.Asked.Select(one => one.Shard));

        (_, body, _) = await front.SendAsync("POST", "/api/dead-letters/replay", body: """{"all":true,"limit":10,"cursor":"c."}""");
        Assert.False(body.TryGetProperty("cursor", out _));
        await front.SendAsync("POST", "/api/dead-letters/replay", body: """{"tenant":"acme"}""");
        Assert.Equal(4, shards.Asked.Count); // one tenant: one shard
    }

    [Theory]
    [InlineData("GET", "/api/statistics", null)]
    [InlineData("GET", "/api/metrics", null)]
    [InlineData("POST", "/api/dead-letters/replay", """{"all":true,"stages":[1,100]}""")]
    public async Task What_one_shard_only_can_say_or_do_takes_a_tenant(string method, string target, string? body)
    {
        var shards = new FakeShards(request => (200, new { }));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal((400, "tenantMissing"), Coded(await front.SendAsync(method, target, body: body)));
        Assert.Empty(shards.Asked);
        Assert.Equal(200, (await front.SendAsync(method, target, body: body, headers: ("Weir-Tenant", "acme"))).Status);
        Assert.Single(shards.Asked);
    }

    [Fact]
    public async Task The_doctors_of_all_shards_are_asked_and_the_worst_that_one_found_is_the_answer()
    {
        var answers = new Dictionary<string, string> { ["a"] = "ok", ["b"] = "warning", ["c"] = "skipped" };
        var shards = new FakeShards((request, _) => answers[request.Shard].Length == 0
            ? throw FakeShards.Down()
            : Task.FromResult(FakeShards.Answer((200, new { status = "ok", checks = new[] { new { area = "connectivity", name = "tables", outcome = answers[request.Shard] } } }))));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal("warning: a ok, b warning, c skipped", await LookAsync());
        answers["b"] = "failed";
        Assert.Equal("failed: a ok, b failed, c skipped", await LookAsync());
        (answers["b"], answers["c"]) = ("ok", "");
        Assert.Equal("failed: a ok, b ok, c failed", await LookAsync());
        answers["c"] = "ok";
        Assert.Equal("ok: a ok, b ok, c ok", await LookAsync());

        async Task<string> LookAsync()
        {
            var (status, body, _) = await front.SendAsync("GET", "/api/doctor");
            Assert.Equal(200, status);
            return $"{body.GetProperty("status")}: {string.Join(", ", body.GetProperty("checks").EnumerateArray().Select(check => $"{check.GetProperty("shard")} {check.GetProperty("outcome")}"))}";
        }
    }

    [Fact]
    public async Task A_control_is_set_on_every_shard_and_its_etag_stands_for_all()
    {
        var shards = new FakeShards((request, _) =>
        {
            var answer = FakeShards.Answer((request.Headers.TryGetValue("If-Match", out var tags) && !tags.Contains($"W/\"{request.Shard}\"") ? 412 : 200, new { kind = "queue", name = "bulk" }));
            answer.Headers.TryAddWithoutValidation("ETag", $"W/\"{request.Shard}\"");
            return Task.FromResult(answer);
        });
        await using var front = await FrontInMemory.StartAsync(shards);
        var (status, _, headers) = await front.SendAsync("PUT", "/api/controls/queue/bulk", body: """{"reason":"x"}""");
        Assert.Equal(200, status);
        Assert.Equal(["a", "b", "c"], shards.Asked.Select(one => one.Shard).Order());
        Assert.Equal(200, (await front.SendAsync("PUT", "/api/controls/queue/bulk", body: """{"reason":"x"}""", headers: ("If-Match", headers.ETag.ToString()))).Status);
        Assert.Equal((412, "preconditionFailed"), Coded(await front.SendAsync("PUT", "/api/controls/queue/bulk", body: """{"reason":"x"}""", headers: ("If-Match", "W/\"old\""))));
    }

    [Fact]
    public async Task A_control_that_is_not_everywhere_says_where_and_what_one_shard_never_had_is_no_failure()
    {
        var answers = new Dictionary<string, int> { ["a"] = 204, ["b"] = 404, ["c"] = 204 };
        var shards = new FakeShards((request, _) => answers[request.Shard] == 0 ? throw FakeShards.Down() : Task.FromResult(FakeShards.Answer((answers[request.Shard], null))));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal(204, (await front.SendAsync("DELETE", "/api/controls/queue/bulk?reason=x")).Status);
        answers["c"] = 0;
        var partly = await front.SendAsync("DELETE", "/api/controls/queue/bulk?reason=x");
        Assert.Equal((503, "partlyDone"), Coded(partly));
        Assert.Equal(["a True", "b True", "c False"], partly.Body.GetProperty("shards").EnumerateArray().Select(one => $"{one.GetProperty("name")} {one.GetProperty("done")}"));
        (answers["a"], answers["c"]) = (404, 404);
        Assert.Equal(404, (await front.SendAsync("DELETE", "/api/controls/queue/bulk?reason=x")).Status);
    }

    [Fact]
    public async Task Readiness_tells_ready_from_degraded_from_unavailable_and_asks_the_shards_once()
    {
        var down = new HashSet<string>();
        var shards = new FakeShards((request, _) => down.Contains(request.Shard) ? throw FakeShards.Down() : Task.FromResult(FakeShards.Answer((200, new { status = "ready" }))));
        await using var front = await FrontInMemory.StartAsync(shards);
        for (var i = 0; i < 10; i++)
            Assert.Equal((200, "ready"), Status(await front.SendAsync("GET", "/api/health/ready", key: null)));
        Assert.Equal(3, shards.Asked.Count);
        down.Add("b");
        front.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((200, "degraded"), Status(await front.SendAsync("GET", "/api/health/ready", key: null)));
        down.UnionWith(["a", "c"]);
        front.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((503, "unavailable"), Status(await front.SendAsync("GET", "/api/health/ready", key: null)));
        Assert.Equal((200, "live"), Status(await front.SendAsync("GET", "/api/health/live", key: null)));

        static (int, string?) Status((int Status, JsonElement Body, Microsoft.AspNetCore.Http.IHeaderDictionary) answer) => (answer.Status, answer.Body.GetProperty("status").GetString());
    }

    [Fact]
    public async Task An_answer_that_is_no_json_counts_as_none()
    {
        var shards = new FakeShards((request, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(request.Shard == "a" ? "<html>" : "{\"queues\":[]}") }));
        await using var front = await FrontInMemory.StartAsync(shards);
        Assert.Equal("[\"a\"]", (await front.SendAsync("GET", "/api/queues")).Body.GetProperty("shardsUnavailable").GetRawText());
    }

    private static (int, string?) Coded((int Status, JsonElement Body, Microsoft.AspNetCore.Http.IHeaderDictionary Headers) answer) =>
        (answer.Status, answer.Body.ValueKind == JsonValueKind.Object && answer.Body.TryGetProperty("code", out var code) ? code.GetString() : answer.Body.ToString());

    /// <summary>What a client sends, as a test says.</summary>
    private sealed class StreamOf(Func<Memory<byte>, CancellationToken, ValueTask<int>> read) : MemoryStream
    {
        public long Taken { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var some = await read(buffer, cancellationToken);
            Taken += some;
            return some;
        }
    }

    /// <summary>As a shard pages: two lines at most, whatever the limit, and a cursor when there are more.</summary>
    private static object Page(FakeShards.Request request, int perShard)
    {
        var query = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(request.Target.Split('?', 2).ElementAtOrDefault(1));
        var from = query.TryGetValue("cursor", out var cursor) ? int.Parse(cursor!) : 0;
        var limit = Math.Min(int.Parse(query["limit"]!), 3);
        var to = Math.Min(perShard, from + limit);
        return new { jobs = Enumerable.Range(from, to - from).Select(i => new { id = $"{request.Shard}-{i}" }), cursor = to < perShard ? $"{to}" : null };
    }
}
