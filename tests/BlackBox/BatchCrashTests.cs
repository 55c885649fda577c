using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>The process dies between two steps of a batch's life, at each of them in turn; then another one finds what it left.</summary>
public sealed class BatchCrashTests
{
    private const int Items = 40;

    [Theory]
    [InlineData("batch.row")]
    [InlineData("submit.send")]
    [InlineData("batch.items")]
    [InlineData("batch.accepted")]
    public async Task A_batch_cut_off_and_sent_again_under_its_key_loses_and_doubles_nothing(string point)
    {
        using var data = new DataFolder();
        var payloads = Enumerable.Range(0, Items).Select(index => index == 7 ? (object)new { sleepMs = "long" } : new { effect = "killed", note = $"{index}" }).ToArray();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.BatchAsync(payloads, "&completion=probe.completion", "cut"));
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var answer = await weir.Http.BatchAsync(payloads, "&completion=probe.completion", "cut");
        Assert.Equal((Items, 1), (answer.GetProperty("total").GetInt32(), answer.GetProperty("refused").GetInt32()));
        var batch = await weir.Http.BatchBecomesAsync(answer.Text("id")!, "completed");
        Assert.Equal((Items - 1, 1), (batch.Count("succeeded"), batch.Count("refused")));
        await AssertDoneOnceAsync(weir.Http, batch, Items - 1);
    }

    [Theory]
    [InlineData("batch.counted")]
    [InlineData("batch.completion-sent")]
    public async Task The_counts_are_exact_and_the_completion_job_comes_once_after_a_crash(string point)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            // Slow enough that the answer comes before the first end.
            id = (await dying.Http.BatchAsync(Enumerable.Range(0, Items).Select(_ => new { effect = "killed", sleepMs = 1_500 }), "&completion=probe.completion")).Text("id")!;
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal(Items, batch.Count("succeeded"));
        Assert.Equal(Items, (await weir.Http.EffectsAsync("killed")).GetProperty("count").GetInt32());
        await AssertCompletedOnceAsync(weir.Http, batch, Items);
    }

    [Theory]
    [InlineData("batch.held", "pause")]
    [InlineData("batch.resumed", "resume")]
    public async Task A_pause_or_a_resumption_cut_off_and_asked_for_again_leaves_no_item_behind(string point, string verb)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            // They begin a second after the pause, so that they are held; and the process lives until the step has come.
            id = (await dying.Http.BatchOfAsync(Enumerable.Range(0, Items).Select(_ => new { type = "probe", payload = new { effect = "killed" }, delay = "PT2S" }))).Text("id")!;
            await AskAsync(dying.Http, id, "pause");
            if (verb == "resume")
            {
                await dying.Http.UntilHeldAsync(id);
                await AskAsync(dying.Http, id, "resume");
            }
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        if (verb == "pause")
        {
            await weir.Http.ChangeAsync(id, "pause");
            await weir.Http.UntilHeldAsync(id);
        }
        await weir.Http.ChangeAsync(id, "resume");
        var batch = await weir.Http.BatchBecomesAsync(id, "completed");
        Assert.Equal(Items, batch.Count("succeeded"));
        Assert.Equal(Items, (await weir.Http.EffectsAsync("killed")).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_cancellation_cut_off_goes_on_by_itself()
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "batch.cancelled")))
        {
            id = (await dying.Http.BatchAsync(Enumerable.Range(0, 200).Select(_ => new { effect = "killed", sleepMs = 300 }))).Text("id")!;
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.DeleteAsync($"api/batches/{id}"));
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var batch = await weir.Http.BatchBecomesAsync(id, "cancelled");
        Assert.Equal(200, batch.Count("succeeded") + batch.Count("cancelled"));
        Assert.InRange(batch.Count("cancelled"), 100, 200);
    }

    [Fact]
    public async Task A_retry_cut_off_and_asked_for_again_runs_each_failed_item_once()
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "batch.retried")))
        {
            id = (await dying.Http.BatchAsync(Enumerable.Range(0, Items).Select(_ => new { effect = "killed", failFirst = 1, failAs = "permanent" }))).Text("id")!;
            await dying.Http.BatchBecomesAsync(id, "completed");
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.ChangeAsync(id, "retry"));
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        for (var remaining = 1; remaining > 0;)
        {
            await weir.Http.ChangeAsync(id, "retry");
            remaining = (await weir.Http.BatchBecomesAsync(id, "completed")).Count("deadLettered");
        }
        var effects = await weir.Http.EffectsAsync("killed");
        Assert.Equal((Items, 2 * Items), (effects.GetProperty("count").GetInt32(), effects.GetProperty("starts").GetInt32()));
    }

    /// <summary>Asks, unless the process has died of it.</summary>
    private static async Task AskAsync(HttpClient http, string id, string verb)
    {
        try
        {
            using var response = await http.PostAsync($"api/batches/{id}/{verb}", content: null);
        }
        catch (HttpRequestException)
        {
            // It died, as it was told to.
        }
    }

    private static async Task AssertDoneOnceAsync(HttpClient http, JsonElement batch, int items)
    {
        var effects = await http.EffectsAsync("killed");
        Assert.Equal((items, items), (effects.GetProperty("count").GetInt32(), effects.GetProperty("jobs").EnumerateArray().Select(job => job.Text("id")).Distinct().Count()));
        await AssertCompletedOnceAsync(http, batch, items);
    }

    private static async Task AssertCompletedOnceAsync(HttpClient http, JsonElement batch, int items)
    {
        await http.FinalAsync(batch.GetProperty("completion").Text("id")!);
        var told = await http.EffectsAsync(batch.Text("id")!);
        Assert.Equal(1, told.GetProperty("count").GetInt32());
        Assert.StartsWith($"{items} of ", told.GetProperty("jobs")[0].Text("note"));
    }
}
