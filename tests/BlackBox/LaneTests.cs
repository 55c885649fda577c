using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>A tenant's lanes are its share: no more than them run, and no other tenant waits for them.</summary>
public sealed class LaneTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_tenant_with_three_lanes_never_has_four_jobs_running()
    {
        using var data = new DataFolder();
        (string, string)[] settings = [("Weir__Tenants__acme__Lanes", "3")];
        await using var one = await WeirProcess.StartAsync(data, settings);
        await using var other = await WeirProcess.StartAsync(data, settings);
        using var acme = ClientOf(one, "acme");

        var ids = await SubmitManyAsync(acme, 60, "three", sleepMs: 50);
        await AllFinalAsync(acme, ids);
        var effects = await acme.EffectsAsync("three");
        Assert.Equal(60, effects.GetProperty("count").GetInt32());
        Assert.InRange(effects.GetProperty("maxConcurrent").GetInt32(), 2, 3);
    }

    [Fact]
    public async Task A_tenant_that_fills_every_slot_delays_another_by_a_turn()
    {
        const int Heavy = 5_000, Light = 50;
        using var data = new DataFolder();
        // More lanes than the host has slots (64, host.json), none of them ever empty: without turns the other tenant waits for the last of the 5,000.
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Tenants__heavy__Lanes", "100"));
        using var heavy = ClientOf(weir, "heavy");
        using var light = ClientOf(weir, "light");

        var many = await SubmitManyAsync(heavy, Heavy, "heavy", sleepMs: 500);
        var few = await SubmitManyAsync(light, Light, "light", sleepMs: 0);
        var jobs = await AllFinalAsync(light, few);

        var left = Heavy - (await heavy.EffectsAsync("heavy")).GetProperty("count").GetInt32();
        Assert.True(left > Heavy / 2, $"Only {left} of the {Heavy} jobs still waited: the others had nothing to wait for.");
        var waits = jobs.Select(job => job.GetProperty("startedAt").GetDateTimeOffset() - job.GetProperty("submittedAt").GetDateTimeOffset()).Order().ToArray();
        var p95 = waits[(int)(Light * 0.95)];
        Assert.True(p95 < TimeSpan.FromSeconds(2), $"p95 of the wait is {p95.TotalSeconds:0.00} s, the longest {waits[^1].TotalSeconds:0.00} s.");
        Assert.Equal(Heavy, many.Length);
    }

    [Fact]
    public async Task An_instance_that_leaves_under_load_gives_its_lanes_back_at_once()
    {
        using var data = new DataFolder();
        (string, string)[] settings = [("Weir__Lanes", "4")];
        await using var one = await WeirProcess.StartAsync(data, settings);
        await using var other = await WeirProcess.StartAsync(data, settings);
        var ids = await SubmitManyAsync(one.Http, 200, "drain", sleepMs: 50);
        await UntilAsync(async () => (await one.Http.EffectsAsync("drain")).GetProperty("count").GetInt32() >= 20);

        // Four lanes may all be one instance's; the one that leaves is one that has some.
        var early = await one.Http.FinalAsync((await one.Http.EffectsAsync("drain")).GetProperty("jobs")[0].GetProperty("id").GetString()!);
        var isOne = one.IsInstance(early.GetProperty("attempts")[0].GetProperty("instance").GetString()!);
        var (leaving, staying) = isOne ? (one, other) : (other, one);
        await leaving.StopAsync();
        var left = DateTimeOffset.UtcNow;
        var jobs = await AllFinalAsync(staying.Http, ids);

        // A session that is not given back stays locked for a minute (infra/servicebus.json): its lane would pause that long.
        var starts = jobs.Where(job => job.GetProperty("startedAt").GetDateTimeOffset() > left).GroupBy(job => job.GetProperty("lane").GetString());
        var pauses = starts.Select(lane => lane.Min(job => job.GetProperty("startedAt").GetDateTimeOffset()) - left).ToArray();
        Assert.NotEmpty(pauses);
        Assert.All(pauses, pause => Assert.True(pause < TimeSpan.FromSeconds(15), $"A lane paused for {pause.TotalSeconds:0.0} s."));
        Assert.All(jobs, job => Assert.Equal("succeeded", Assert.Single(job.GetProperty("attempts").EnumerateArray()).GetProperty("outcome").GetString()));
        Assert.Equal(2, jobs.Select(job => job.GetProperty("attempts")[0].GetProperty("instance").GetString()).Distinct().Count());
    }

    [Fact]
    public async Task A_lane_count_that_cannot_be_is_refused_at_start()
    {
        using var data = new DataFolder();
        var refused = await Assert.ThrowsAsync<EndedEarlyException>(() => WeirProcess.StartAsync(data, ("Weir__Tenants__acme__Lanes", "none")));
        Assert.Contains("expected a whole number from 1 to 1,000", refused.Message);
    }

    [Fact]
    public async Task A_tenant_that_cannot_be_is_refused()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        using var nobody = ClientOf(weir, "a/b");
        using var response = await nobody.PostAsync("""{"type": "probe", "payload": {}}""");
        Assert.Equal("invalidTenant", (await response.ReadJsonAsync()).GetProperty("code").GetString());
    }

    private static HttpClient ClientOf(WeirProcess weir, string tenant)
    {
        var client = new HttpClient { BaseAddress = weir.Http.BaseAddress };
        client.DefaultRequestHeaders.Add("Weir-Tenant", tenant);
        return client;
    }

    private static async Task<string[]> SubmitManyAsync(HttpClient http, int count, string effect, int sleepMs)
    {
        var ids = new List<string>(count);
        foreach (var chunk in Enumerable.Range(0, count).Chunk(64))
            ids.AddRange(await Task.WhenAll(chunk.Select(_ => http.SubmitAsync("probe", new { effect, sleepMs }))));
        return [.. ids];
    }

    private static async Task<JsonElement[]> AllFinalAsync(HttpClient http, string[] ids)
    {
        var jobs = new List<JsonElement>(ids.Length);
        foreach (var id in ids)
            jobs.Add(await http.FinalAsync(id, Limit));
        return [.. jobs];
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
            await Task.Delay(50, limit.Token);
    }
}
