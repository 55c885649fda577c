namespace BlackBox.Tests;

/// <summary>kill -9 at any moment loses nothing and does nothing twice.</summary>
public sealed class CrashTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Two_thousand_jobs_survive_three_kills()
    {
        const int Count = 2_000;
        using var data = new DataFolder();
        var weir = await WeirProcess.StartAsync(data);
        var ids = new List<string>();
        try
        {
            await SubmitManyAsync(weir.Http, ids, Count, "kills", sleepMs: 20);
            foreach (var share in new[] { 0.2, 0.45, 0.7 })
            {
                await UntilEffectsAsync(weir.Http, "kills", (int)(Count * share));
                await weir.KillAsync();
                await weir.DisposeAsync();
                weir = await WeirProcess.StartAsync(data);
            }
            await AssertAllSucceededAsync(weir.Http, ids, "kills");
        }
        finally
        {
            await weir.DisposeAsync();
        }
    }

    [Fact]
    public async Task Two_instances_share_the_work_and_one_finishes_what_the_other_had()
    {
        const int Count = 600;
        using var data = new DataFolder();
        await using var survivor = await WeirProcess.StartAsync(data);
        await using var victim = await WeirProcess.StartAsync(data);
        var ids = new List<string>();
        await SubmitManyAsync(survivor.Http, ids, Count, "shared", sleepMs: 200);

        await UntilEffectsAsync(survivor.Http, "shared", Count / 3);
        await victim.KillAsync();
        await AssertAllSucceededAsync(survivor.Http, ids, "shared");

        var jobs = await Task.WhenAll(ids.Select(id => survivor.Http.FinalAsync(id)));
        var instances = jobs.SelectMany(job => job.GetProperty("attempts").EnumerateArray()).Select(attempt => attempt.GetProperty("instance").GetString()).Distinct();
        Assert.Equal(2, instances.Count());
    }

    [Fact]
    public async Task A_job_that_crashes_its_worker_is_taken_up_by_the_next_one()
    {
        using var data = new DataFolder();
        await using var first = await WeirProcess.StartAsync(data);
        var id = await first.Http.SubmitAsync("probe", new { effect = "crash", failFirst = 1, failAs = "crash" });
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        var job = await second.Http.FinalAsync(id);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        Assert.Equal(["workerLost", "succeeded"], job.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task A_polite_stop_hands_running_jobs_to_another_instance_at_once()
    {
        using var data = new DataFolder();
        await using var leaving = await WeirProcess.StartAsync(data);
        var id = await leaving.Http.SubmitAsync("probe", new { effect = "polite", failFirst = 0, sleepMs = 600_000, note = "long" });
        await UntilAsync(async () => (await leaving.Http.EffectsAsync("polite")).GetProperty("starts").GetInt32() == 1);

        await leaving.StopAsync();
        await using var staying = await WeirProcess.StartAsync(data);
        await UntilAsync(async () => (await staying.Http.EffectsAsync("polite")).GetProperty("starts").GetInt32() >= 1
            && await StateAsync(staying.Http, id) == "running");
        var job = await staying.Http.GetAsync($"api/jobs/{id}");
        Assert.Equal(1, (await job.ReadJsonAsync()).GetProperty("attempt").GetInt32());
    }

    private static async Task SubmitManyAsync(HttpClient http, List<string> ids, int count, string effect, int sleepMs)
    {
        foreach (var chunk in Enumerable.Range(0, count).Chunk(32))
            ids.AddRange(await Task.WhenAll(chunk.Select(number => http.SubmitAsync("probe", new { effect, sleepMs }, key: $"{effect}-{number}"))));
    }

    private static async Task AssertAllSucceededAsync(HttpClient http, List<string> ids, string effect)
    {
        foreach (var chunk in ids.Chunk(64))
        {
            var jobs = await Task.WhenAll(chunk.Select(id => http.FinalAsync(id, Limit)));
            Assert.All(jobs, job => Assert.Equal("succeeded", job.GetProperty("state").GetString()));
        }
        var effects = await http.EffectsAsync(effect);
        Assert.Equal(ids.Count, effects.GetProperty("count").GetInt32());
        Assert.Equal(ids.Order(), effects.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("id").GetString()!).Order());
    }

    private static Task UntilEffectsAsync(HttpClient http, string effect, int count) =>
        UntilAsync(async () => (await http.EffectsAsync(effect)).GetProperty("count").GetInt32() >= count);

    private static async Task<string?> StateAsync(HttpClient http, string id)
    {
        using var response = await http.GetAsync($"api/jobs/{id}");
        return (await response.ReadJsonAsync()).GetProperty("state").GetString();
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await condition())
            await Task.Delay(20, limit.Token);
    }
}
