using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>A downstream fails for good, its victims lie in the catalogue; it is mended (or not), and they are replayed in stages.</summary>
public sealed class StagedReplayTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task After_the_downstream_is_mended_111_are_replayed_in_stages_and_where_it_is_not_the_replay_stops_itself()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        // The probe fails in its first attempt of all, and so succeeds when it is replayed: mended. The other kind goes on failing.
        await KillAsync(weir.Http, 111, new { failFirst = 1, failAs = "permanent", note = "mended" });
        await KillAsync(weir.Http, 12, new { failFirst = 1_000, failAs = "transient", note = "still broken" });
        var (mended, broken) = (await FingerprintAsync(weir.Http, "permanent", 111), await FingerprintAsync(weir.Http, "attemptsExhausted", 12));

        var plan = await weir.Http.PostJsonAsync("api/dead-letters/replay", new { fingerprint = mended, stages = true, dryRun = true }, HttpStatusCode.OK);
        Assert.Equal((111, "[1,10,100]", 111), (plan.GetProperty("matched").GetInt32(), plan.GetProperty("stages").GetRawText(), plan.GetProperty("checks").GetProperty("ok").GetInt32()));
        Assert.Equal(111, await OpenAsync(weir.Http, mended));

        var good = await weir.Http.PostJsonAsync("api/dead-letters/replay", new { fingerprint = mended, stages = new[] { 1, 10, 100 }, rate = 50, why = "it is mended" }, HttpStatusCode.Accepted);
        var refused = await weir.Http.PostJsonAsync("api/dead-letters/replay", new { fingerprint = mended, stages = true }, HttpStatusCode.Conflict);
        Assert.Equal(("replayRunning", good.GetProperty("id").GetString()), (refused.GetProperty("code").GetString(), refused.GetProperty("replayId").GetString()));
        var bad = await weir.Http.PostJsonAsync("api/dead-letters/replay", new { fingerprint = broken, rate = 50 }, HttpStatusCode.Accepted);

        var completed = await EndAsync(weir.Http, good);
        Assert.Equal(("completed", 111, 0), (completed.GetProperty("state").GetString(), completed.GetProperty("jobs").GetProperty("succeeded").GetInt32(), await OpenAsync(weir.Http, mended)));
        Assert.Equal([1, 10, 100], completed.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("succeeded").GetInt32()));

        var stopped = await EndAsync(weir.Http, bad);
        Assert.Equal(("stopped", "failureRate"), (stopped.GetProperty("state").GetString(), stopped.GetProperty("ended").GetProperty("code").GetString()));
        Assert.Equal((1, 11), (stopped.GetProperty("jobs").GetProperty("failed").GetInt32(), stopped.GetProperty("jobs").GetProperty("pending").GetInt32()));
        Assert.Contains("died again", stopped.GetProperty("ended").GetProperty("detail").GetString());

        var audit = await weir.Http.GetFromJsonAsync<JsonElement>("api/audit");
        Assert.Equal(["completed", "started", "started", "stopped"], audit.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("action").GetString()!).Order());
        await weir.Http.PostJsonAsync($"api/replays/{bad.GetProperty("id").GetString()}/resume", new { why = "once more" }, HttpStatusCode.OK);
        await weir.Http.PostJsonAsync($"api/replays/{bad.GetProperty("id").GetString()}/stop", new { why = "no" }, HttpStatusCode.OK);
        var last = (await weir.Http.GetFromJsonAsync<JsonElement>("api/replays?limit=1")).GetProperty("replays")[0];
        Assert.Equal((bad.GetProperty("id").GetString(), "operator", "no"), (last.GetProperty("id").GetString(), last.GetProperty("ended").GetProperty("code").GetString(), last.GetProperty("ended").GetProperty("detail").GetString()));
    }

    private static async Task KillAsync(HttpClient http, int count, object payload)
    {
        using var response = await http.PostAsJsonAsync("api/jobs/bulk", Enumerable.Range(0, count).Select(_ => new { type = "probe", payload }));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(count, (await response.ReadJsonAsync()).GetProperty("accepted").GetInt32());
    }

    private static async Task<string> FingerprintAsync(HttpClient http, string reason, int count)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var groups = (await http.GetFromJsonAsync<JsonElement>($"api/dead-letters/groups?reason={reason}")).GetProperty("groups").EnumerateArray().ToArray();
            if (groups is [var one] && one.GetProperty("open").GetInt32() == count)
                return one.GetProperty("fingerprint").GetString()!;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"Not all {count} have died of {reason}: {JsonSerializer.Serialize(groups)}");
            await Task.Delay(200);
        }
    }

    private static async Task<int> OpenAsync(HttpClient http, string fingerprint) =>
        (await http.GetFromJsonAsync<JsonElement>($"api/dead-letters/groups?fingerprint={fingerprint}")).GetProperty("groups")[0].GetProperty("open").GetInt32();

    private static async Task<JsonElement> EndAsync(HttpClient http, JsonElement replay)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var now = await http.GetFromJsonAsync<JsonElement>(replay.GetProperty("links").GetProperty("self").GetString());
            if (now.GetProperty("state").GetString() != "running")
                return now;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, $"It has not ended: {now}");
            await Task.Delay(200);
        }
    }
}

internal static class JsonPosts
{
    public static async Task<JsonElement> PostJsonAsync(this HttpClient http, string path, object body, HttpStatusCode expected)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == expected, $"{response.StatusCode}: {answer}");
        return answer;
    }
}
