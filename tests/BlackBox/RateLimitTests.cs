using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>
/// probe.limited may start 20 times a second, with a burst of 5, on two instances together. 200 jobs, or as many as WEIR_LIMIT_JOBS says: with 2,000 it takes two minutes, and
/// the long run is judged too.
/// </summary>
[Collection(Alone.Name)]
public sealed class RateLimitTests(ITestOutputHelper output)
{
    private static readonly int Jobs = int.Parse(Environment.GetEnvironmentVariable("WEIR_LIMIT_JOBS") ?? "200", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Two_instances_keep_to_one_rate_and_no_waiting_job_holds_a_worker()
    {
        using var data = new DataFolder();
        await using var one = await WeirProcess.StartAsync(data);
        await using var two = await WeirProcess.StartAsync(data);

        await Task.WhenAll(SubmitAsync(one.Http, Jobs / 2), SubmitAsync(two.Http, Jobs - Jobs / 2));
        var rates = (await one.Http.GetFromJsonAsync<JsonElement>("api/limits")).GetProperty("rates").EnumerateArray().Where(limit => limit.Text("name") == "probe.limited").ToArray();
        Assert.Equal(ShardProcesses.Wanted ?? 1, rates.Length);
        var rate = rates.MaxBy(limit => limit.GetProperty("waitSeconds").GetDouble()); // of shards, that of the tenant's own: in the others nothing waits
        Assert.Equal(("type", "20/s", 5), (rate.Text("kind"), rate.Text("rate"), rate.GetProperty("burst").GetInt32()));
        Assert.InRange(rate.GetProperty("waitSeconds").GetDouble(), 0.001, Jobs / 20.0 + 5);

        // While they wait, the workers are free: other jobs of the same tenant, one in each lane and more, run as if there were no backlog.
        var others = await Task.WhenAll(Enumerable.Range(0, 64).Select(number => (number % 2 == 0 ? one : two).Http.SubmitAsync("probe", new { effect = "unlimited" })));
        await Task.WhenAll(others.Select(id => one.Http.FinalAsync(id, TimeSpan.FromSeconds(20))));
        var effects = await one.Http.EffectsAsync("limited");
        Assert.True(Jobs < 100 || effects.GetProperty("count").GetInt32() < Jobs, "The limited jobs were over before the others.");

        for (var limit = Task.Delay(TimeSpan.FromSeconds(30 + Jobs / 10.0)); effects.GetProperty("count").GetInt32() < Jobs && !limit.IsCompleted; effects = await one.Http.EffectsAsync("limited"))
            await Task.WhenAny(limit, Task.Delay(1_000));

        var starts = effects.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("finishedAt").GetDateTimeOffset()).Order().ToArray();
        var stored = effects.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("performedAt").GetDateTimeOffset()).Order().ToArray();
        var perSecond = (starts.Length - 1) / (starts[^1] - starts[0]).TotalSeconds;
        output.WriteLine($"{starts.Length} jobs in {(starts[^1] - starts[0]).TotalSeconds:0.0} s: {perSecond:0.00} a second; in any second at most {MostInASecond(starts)} starts, {MostInASecond(stored)} effects stored.");
        Assert.Equal(Jobs, starts.Length);
        Assert.InRange(MostInASecond(starts), 1, 25);
        // In a short run a pause of the machine weighs as much as in a long one.
        Assert.True(perSecond > (Jobs >= 1_000 ? 19 : 15), $"{perSecond:0.00} a second");
    }

    private static async Task SubmitAsync(HttpClient http, int count)
    {
        foreach (var some in Enumerable.Range(0, count).Chunk(500))
        {
            var lines = string.Join('\n', some.Select(_ => """{"type": "probe.limited", "payload": {"effect": "limited"}}"""));
            using var response = await http.PostAsync("api/jobs/bulk", new StringContent(lines, Encoding.UTF8, "application/x-ndjson"));
            Assert.Equal(some.Length, (await response.ReadJsonAsync()).GetProperty("accepted").GetInt32());
        }
    }

    /// <summary>Both ends included.</summary>
    private static int MostInASecond(DateTimeOffset[] sorted)
    {
        int most = 0, first = 0;
        for (var last = 0; last < sorted.Length; last++)
        {
            while (sorted[last] - sorted[first] > TimeSpan.FromSeconds(1))
                first++;
            most = Math.Max(most, last - first + 1);
        }
        return most;
    }
}
