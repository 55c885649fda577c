using System.Net;
using System.Net.Http.Json;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Two tenants in one deployment, each with a key that opens every route: what one has, the other neither sees nor changes, whatever he calls.</summary>
public sealed partial class AccessTests
{
    /// <summary>In payload, correlation id and names of everything that alpha has.</summary>
    private const string Canary = "canary-7c2e9b41";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Whatever_a_tenant_calls_it_sees_and_changes_nothing_of_another()
    {
        using var owner = keyed.Owner.Client(keyed.Weir);
        using var rival = keyed.Rival.Client(keyed.Weir);
        var theirs = await Theirs.MakeAsync(owner);
        var before = await theirs.LookAsync(owner);

        foreach (var route in ScopeOf.Where(one => one.Value is not null).Select(one => one.Key).Where(route => !route.Contains("/probe/", StringComparison.Ordinal)))
        {
            foreach (var (path, isTheirs) in theirs.PathsOf(route))
            {
                using var request = new HttpRequestMessage(HttpMethod.Parse(route.Split(' ')[0]), path);
                if (request.Method != HttpMethod.Get)
                    request.Content = new StringContent("""{"reason": "let me in"}""", Encoding.UTF8, "application/json");
                using var response = await rival.SendAsync(request);
                var body = await response.Content.ReadAsStringAsync();
                Assert.False(isTheirs && response.IsSuccessStatusCode, $"{route} ({path}): {response.StatusCode} {body}");
                Assert.False((int)response.StatusCode >= 500, $"{route} ({path}): {response.StatusCode} {body}");
                Assert.False(body.Contains(Canary, StringComparison.Ordinal), $"{route} ({path}) shows what is another tenant's: {body}");
                if (response.IsSuccessStatusCode)
                    Assert.False(theirs.Ids.Any(id => body.Contains(id, StringComparison.Ordinal)) || body.Contains("\"alpha\"", StringComparison.Ordinal), $"{route} ({path}) tells of another tenant: {body}");
            }
        }
        // In so many words: everything that matches, of everybody.
        using (var all = await rival.PostAsync("api/dead-letters/replay", new StringContent("""{"type": "probe"}""", Encoding.UTF8, "application/json")))
            Assert.Equal((HttpStatusCode.OK, 0), (all.StatusCode, (await all.ReadJsonAsync()).GetProperty("matched").GetInt32()));
        foreach (var path in new[] { "api/jobs?tenant=alpha", "api/dead-letters?tenant=alpha", "api/dead-letters/groups?tenant=alpha" })
        {
            using var asked = await rival.GetAsync(path);
            await AssertProblemAsync(asked, 403, "forbidden", path);
        }
        foreach (var (kind, name) in new[] { ("tenant", "alpha"), ("type", "probe"), ("queue", "default") })
        {
            using var put = await rival.PutAsJsonAsync($"api/controls/{kind}/{name}", new { reason = "mine now" });
            await AssertProblemAsync(put, 403, "forbidden", $"{kind} {name}");
        }

        Assert.Equal(before, await theirs.LookAsync(owner));
        using var taken = await owner.DeleteAsync("api/controls/schedule/theirs");
        foreach (var running in theirs.Open)
            await owner.DeleteAsync($"api/jobs/{running}");
    }

    [Fact]
    public async Task From_another_machine_nobody_reaches_the_local_build()
    {
        var outside = NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(one => one.Address).Where(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)).ToArray();
        Assert.SkipWhen(outside.Length == 0, "This machine is on no network.");
        foreach (var address in outside)
        {
            using var client = new TcpClient();
            await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(address, keyed.Weir.Port));
        }
    }

    /// <summary>Nobody but Weir itself sends webhooks: a submission that could would have its own words signed with the tenant's secret.</summary>
    [Fact]
    public async Task No_way_in_takes_a_job_of_a_type_that_is_weirs_own()
    {
        const string Forged = """{"type": "weir.webhook", "payload": {"url": "https://example.org/", "body": "{}"}}""";
        using var owner = keyed.Owner.Client(keyed.Weir);
        using (var one = await owner.PostAsync(Forged))
            await AssertProblemAsync(one, 422, "unknownType", "submit");
        using (var bulk = await owner.PostAsJsonAsync("api/jobs/bulk", new[] { JsonElement.Parse(Forged) }))
            Assert.Equal(0, (await bulk.ReadJsonAsync()).GetProperty("accepted").GetInt32());
        using (var batch = await owner.PostBatchAsync(Forged))
            Assert.DoesNotContain("\"pending\":1", await batch.Content.ReadAsStringAsync());
        using (var completion = await owner.PostBatchAsync("""{"type": "probe", "payload": {}}""", "?completion=weir.webhook"))
            Assert.InRange((int)completion.StatusCode, 400, 499);
        using (var schedule = await owner.PutScheduleAsync("forged", """{"type": "weir.webhook", "payload": {"url": "https://example.org/", "body": "{}"}, "cron": "* * * * * *"}"""))
            Assert.InRange((int)schedule.StatusCode, 400, 499);
    }

    /// <summary>One of everything that a tenant can have.</summary>
    private sealed record Theirs(string Waiting, string Dead, string Batch, string Replay)
    {
        private const string Schedule = "theirs";

        public IReadOnlyList<string> Ids => [Waiting, Dead, Batch, Replay];

        public IReadOnlyList<string> Open => [Waiting];

        public static async Task<Theirs> MakeAsync(HttpClient owner)
        {
            var waiting = await owner.SubmitAsync("probe", new { note = Canary }, more: new { delay = "PT1H", correlationId = Canary, orderingKey = Canary });
            var dead = await owner.SubmitAsync("probe", new { note = Canary, failFirst = 1_000, failAs = "permanent" }, more: new { correlationId = Canary });
            await owner.DeadLetterAsync(dead);
            var batch = (await owner.BatchAsync([new { note = Canary }], $"&name={Canary}")).Text("id")!;
            await owner.BatchBecomesAsync(batch, "completed");
            using var put = await owner.PutScheduleAsync(Schedule, $$$"""{"type": "probe", "payload": {"note": "{{{Canary}}}"}, "cron": "0 3 1 1 *"}""");
            Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
            using var paused = await owner.PutAsJsonAsync($"api/controls/schedule/{Schedule}", new { reason = Canary });
            Assert.True(paused.IsSuccessStatusCode, await paused.Content.ReadAsStringAsync());
            return new Theirs(waiting, dead, batch, await ReplayAsync(owner));
        }

        /// <summary>The route with each of what is theirs in its place.</summary>
        public IEnumerable<(string Path, bool IsTheirs)> PathsOf(string route)
        {
            var path = route.Split(' ')[1];
            if (path.Contains("{id}", StringComparison.Ordinal))
                return Ids.Select(id => (path.Replace("{id}", id, StringComparison.Ordinal).Replace("{name}", "go", StringComparison.Ordinal), true));
            if (path.Contains("{kind}", StringComparison.Ordinal))
                return [(path.Replace("{kind}", "schedule", StringComparison.Ordinal).Replace("{name}", Schedule, StringComparison.Ordinal), false), (path.Replace("{kind}", "tenant", StringComparison.Ordinal).Replace("{name}", "alpha", StringComparison.Ordinal), true)];
            // A schedule's name is its tenant's own: the rival would make one, so what he sends is none.
            if (path.Contains("{name}", StringComparison.Ordinal))
                return [(path.Replace("{name}", Schedule, StringComparison.Ordinal), true)];
            return [(Parameter().Replace(path.Replace("{type}", "probe", StringComparison.Ordinal), "nothing"), false)];
        }

        /// <summary>How everything stands.</summary>
        public async Task<string> LookAsync(HttpClient owner)
        {
            var controls = await owner.GetFromJsonAsync<JsonElement>("api/controls");
            return string.Join(' ',
                (await owner.GetFromJsonAsync<JsonElement>($"api/jobs/{Waiting}")).State(), (await owner.GetFromJsonAsync<JsonElement>($"api/dead-letters/{Dead}")).State(),
                (await owner.GetFromJsonAsync<JsonElement>($"api/batches/{Batch}")).State(), (await owner.GetFromJsonAsync<JsonElement>($"api/replays/{Replay}")).State(),
                (await owner.ScheduleAsync(Schedule)).GetRawText(), controls.GetProperty("controls").EnumerateArray().Count(control => control.Text("name") == "alpha"));
        }

        /// <summary>A staged replay of a dead letter of its own, which has ended.</summary>
        private static async Task<string> ReplayAsync(HttpClient owner)
        {
            var victim = await owner.SubmitAsync("probe", new { note = Canary, failFirst = 1, failAs = "permanent", effect = Canary });
            var fingerprint = (await owner.DeadLetterAsync(victim)).Text("fingerprint");
            using var started = await owner.PostAsJsonAsync("api/dead-letters/replay", new { fingerprint, stages = new[] { 1 }, limit = 1, why = Canary });
            Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
            var id = (await started.ReadJsonAsync()).Text("id")!;
            using var patience = new CancellationTokenSource(Patience);
            while ((await owner.GetFromJsonAsync<JsonElement>($"api/replays/{id}", patience.Token)).State() == "running")
                await Task.Delay(100, patience.Token);
            return id;
        }
    }
}
