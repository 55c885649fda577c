using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>
/// Whole Weirs behind a front: what one tenant sees of it (nothing), what an operator sees, and what a shard's death and a new shard do. All other tests of this project run against it, too, with
/// <c>WEIR_SHARDS=3</c>; adding a shard is tried with 5,000 jobs in flight with <c>WEIR_SHARD_JOBS=5000</c>.
/// </summary>
public sealed class ShardTests : IAsyncLifetime
{
    private static readonly int Jobs = int.TryParse(Environment.GetEnvironmentVariable("WEIR_SHARD_JOBS"), NumberStyles.None, CultureInfo.InvariantCulture, out var jobs) ? jobs : 200;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120 + Jobs / 10);

    private readonly DataFolder data = new();
    private readonly List<(string Name, int Port)> known = [];
    private readonly Dictionary<string, WeirProcess> shards = [];
    private readonly List<WeirProcess> fronts = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var name in (string[])["north", "south", "west"])
            known.Add((name, WeirProcess.FreePort()));
        foreach (var (one, process) in known.Zip(await Task.WhenAll(known.Select(one => StartShardAsync(one.Name, one.Port)))))
            shards[one.Name] = process;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in fronts.Concat(shards.Values))
            await process.DisposeAsync();
        data.Dispose();
    }

    [Fact]
    public async Task A_shard_that_dies_takes_only_its_own_tenants_with_it_and_they_lose_nothing()
    {
        var front = await StartFrontAsync();
        var tenants = Enumerable.Range(0, 9).Select(i => $"t{i}").ToArray();
        var ids = new Dictionary<string, string>();
        foreach (var tenant in tenants)
        {
            using var http = For(front, tenant);
            ids[tenant] = await http.SubmitAsync("probe", new { effect = tenant, note = "before" });
            await http.FinalAsync(ids[tenant]);
        }
        var shardOf = await ShardsOfTenantsAsync(front, tenants);
        var dead = shardOf[tenants[0]];
        Assert.True(shardOf.Values.Distinct().Count() > 1, "Nine tenants went to one shard of three.");

        // What an operator sees of all tenants: any job by its id, and a control on every shard.
        Assert.Equal("succeeded", (await front.Http.GetFromJsonAsync<JsonElement>($"api/jobs/{ids[tenants[^1]]}")).State());
        using (var paused = await front.Http.PutAsJsonAsync("api/controls/feature/everywhere", new { reason = "a test", percentage = 10 }))
            Assert.Equal(HttpStatusCode.Created, paused.StatusCode);
        var control = Assert.Single((await front.Http.GetFromJsonAsync<JsonElement>("api/controls")).GetProperty("controls").EnumerateArray());
        Assert.Equal(3, control.GetProperty("shards").GetArrayLength());

        var late = new Dictionary<string, string>();
        foreach (var tenant in tenants.Where(tenant => shardOf[tenant] == dead))
            late[tenant] = await For(front, tenant).SubmitAsync("probe", new { effect = tenant, note = "after", sleepMs = 500 });
        await shards[dead].KillAsync();
        foreach (var tenant in tenants)
        {
            using var http = For(front, tenant);
            if (shardOf[tenant] != dead)
            {
                Assert.Equal("succeeded", (await http.FinalAsync(await http.SubmitAsync("probe", new { effect = tenant }))).State());
                continue;
            }
            using var refused = await http.PostAsync("""{"type": "probe", "payload": {}}""");
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "shardUnavailable"), (refused.StatusCode, (await refused.ReadJsonAsync()).Text("code")));
            Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        }
        await UntilReadyIsAsync(front, "degraded");
        Assert.Equal(dead, Assert.Single((await front.Http.GetFromJsonAsync<JsonElement>("api/jobs")).GetProperty("shardsUnavailable").EnumerateArray()).GetString());
        using (var partly = await front.Http.DeleteAsync("api/controls/feature/everywhere?reason=over"))
            Assert.Equal("partlyDone", (await partly.ReadJsonAsync()).Text("code"));

        await shards[dead].DisposeAsync();
        shards[dead] = await StartShardAsync(dead, known.Single(one => one.Name == dead).Port);
        foreach (var (tenant, id) in late)
        {
            using var http = For(front, tenant);
            Assert.Equal("succeeded", (await http.FinalAsync(id)).State());
            Assert.Equal(2, (await http.EffectsAsync(tenant)).GetProperty("count").GetInt32());
        }
        await UntilReadyIsAsync(front, "ready");
        using (var again = await front.Http.DeleteAsync("api/controls/feature/everywhere?reason=over"))
            Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task A_fourth_shard_is_added_while_jobs_are_in_flight_and_none_is_lost_or_overtaken()
    {
        const int Tenants = 10, Keys = 2, Lines = Tenants * Keys, MostRounds = 60;
        var front = await StartFrontAsync();
        var tenants = Enumerable.Range(0, Tenants).Select(i => $"tenant-{i}").ToArray();
        var perKey = 0;
        await SubmitAsync(front, Jobs / Lines, sleepMs: Math.Max(50, 8_000 * Lines / Jobs)); // eight seconds of work for each key, or more: a start takes some
        var atFirst = await WaitingAsync(front);

        // As an operator does it: the app first, then its line in the front's settings, which starts the front again; the old one goes on until the new one is there. Clients go on all the time: whenever few jobs
        // wait, each key gets one more, so that some are in flight at the change however long the starts take.
        known.Add(("east", WeirProcess.FreePort()));
        var changing = AddAsync();
        for (var round = 0; !changing.IsCompleted && round < MostRounds * 10; round++)
        {
            if (round < MostRounds && await WaitingAsync(front) < Lines)
                await SubmitAsync(front, 1, sleepMs: 1_000);
            await Task.WhenAny(changing, Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System));
        }
        var next = await changing;
        var atChange = await WaitingAsync(next);
        Assert.True(atChange > 0, "Everything was done before the new front was there.");
        await SubmitAsync(next, 3, sleepMs: 0);
        var before = await ShardsOfTenantsAsync(front, tenants);
        await front.StopAsync();
        await SubmitAsync(next, 2, sleepMs: 0);

        var newcomers = Enumerable.Range(0, 12).Select(i => $"new-{i}").ToArray();
        foreach (var tenant in newcomers)
            await For(next, tenant).SubmitAsync("probe", new { effect = tenant });

        var began = TimeProvider.System.GetTimestamp();
        while (await WaitingAsync(next) > 0)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"{await WaitingAsync(next)} of {perKey * Lines} still wait after {Limit}.");
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
        }
        var last = TimeProvider.System.GetElapsedTime(began);
        foreach (var tenant in tenants)
        {
            for (var key = 0; key < Keys; key++)
            {
                var effects = await For(next, tenant).EffectsAsync($"{tenant}-{key}");
                Assert.Equal(Enumerable.Range(0, perKey), effects.GetProperty("jobs").EnumerateArray().Select(job => int.Parse(job.Text("note")!, CultureInfo.InvariantCulture)));
            }
        }
        var after = await ShardsOfTenantsAsync(next, [.. tenants, .. newcomers]);
        Assert.All(before, pinned => Assert.Equal(pinned.Value, after[pinned.Key]));
        Assert.Contains(newcomers, tenant => after[tenant] == "east");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{perKey * Lines} jobs of {Tenants} tenants and {Lines} keys; {atFirst} in flight when the fourth shard was started, {atChange} when the new front was ready; all done {last.TotalSeconds:0} s after the last was submitted; "
            + $"tenants moved: 0; newcomers at the new shard: {newcomers.Count(tenant => after[tenant] == "east")} of {newcomers.Length}");

        async Task<WeirProcess> AddAsync()
        {
            shards["east"] = await StartShardAsync("east", known[^1].Port);
            return await StartFrontAsync();
        }

        async Task SubmitAsync(WeirProcess at, int count, int sleepMs)
        {
            await Task.WhenAll(tenants.Select(async tenant =>
            {
                using var http = For(at, tenant);
                for (var key = 0; key < Keys; key++)
                {
                    // Each tenth fails once: what comes after it in its key has to wait.
                    var lines = Enumerable.Range(perKey, count).Select(note => JsonSerializer.Serialize(
                        new { type = "probe.ordered", payload = new { effect = $"{tenant}-{key}", note = $"{note}", failFirst = note % 10 == 3 ? 1 : 0, sleepMs }, orderingKey = $"key-{key}" }));
                    using var content = new StringContent(string.Join('\n', lines), Encoding.UTF8, "application/x-ndjson");
                    using var answer = await http.PostAsync("api/jobs/bulk", content);
                    var all = await answer.ReadJsonAsync();
                    Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {all}");
                    Assert.Equal(count, all.GetProperty("accepted").GetInt32());
                }
            }));
            perKey += count;
        }

        // All jobs that are accepted, less their effects.
        async Task<int> WaitingAsync(WeirProcess at)
        {
            var done = await Task.WhenAll(tenants.SelectMany(tenant => Enumerable.Range(0, Keys).Select(async key => (await For(at, tenant).EffectsAsync($"{tenant}-{key}")).GetProperty("count").GetInt32())));
            return (perKey * Lines) - done.Sum();
        }
    }

    private Task<WeirProcess> StartShardAsync(string name, int port) => WeirProcess.StartOneAsync(WeirProcess.Functions, Path.Combine(data.Path, name), port, []);

    private async Task<WeirProcess> StartFrontAsync()
    {
        var front = await ShardProcesses.StartFrontAsync(WeirProcess.Functions, data.Path, WeirProcess.FreePort(), [], [.. known.Select(one => (one.Name, one.Port, false))], []);
        fronts.Add(front);
        return front;
    }

    private static HttpClient For(WeirProcess front, string tenant)
    {
        var http = new HttpClient { BaseAddress = front.Http.BaseAddress };
        http.DefaultRequestHeaders.Add("Weir-Tenant", tenant);
        return http;
    }

    /// <summary>As the list of all jobs tells, which is written behind them: asked until it knows each of the tenants.</summary>
    private static async Task<Dictionary<string, string>> ShardsOfTenantsAsync(WeirProcess front, string[] tenants)
    {
        var found = new Dictionary<string, string>();
        for (var tries = 0; tries < 60 && !tenants.All(found.ContainsKey); tries++)
        {
            foreach (var job in await ListAsync(front))
                Assert.Equal(job.Text("shard"), found.TryAdd(job.Text("tenant")!, job.Text("shard")!) ? job.Text("shard") : found[job.Text("tenant")!]);
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
        }
        Assert.DoesNotContain(tenants, tenant => !found.ContainsKey(tenant));
        return found;
    }

    private static async Task<List<JsonElement>> ListAsync(WeirProcess front)
    {
        var jobs = new List<JsonElement>();
        string? cursor = null;
        for (var page = 0; page < 500; page++)
        {
            var list = await front.Http.GetFromJsonAsync<JsonElement>($"api/jobs?limit=100{(cursor is null ? "" : $"&cursor={cursor}")}");
            jobs.AddRange(list.GetProperty("jobs").EnumerateArray());
            if ((cursor = list.Text("cursor")) is null)
                return jobs;
        }
        Assert.Fail("The list has no end.");
        return jobs;
    }

    private static async Task UntilReadyIsAsync(WeirProcess front, string wanted)
    {
        for (var tries = 0; tries < 60; tries++)
        {
            using var response = await front.Http.GetAsync("api/health/ready");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            if ((await response.ReadJsonAsync()).Text("status") == wanted)
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
        }
        Assert.Fail($"Readiness never was {wanted}.");
    }
}
