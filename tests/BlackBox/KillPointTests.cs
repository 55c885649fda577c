namespace BlackBox.Tests;

/// <summary>The process dies between two steps of a job's life, at each of them in turn; then another one finds what it left.</summary>
public sealed class KillPointTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("submit.receipt")]
    [InlineData("submit.send")]
    public async Task Whoever_had_no_answer_asks_again_and_it_is_one_job(string point)
    {
        using var data = new DataFolder();
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.SubmitAsync("probe", new { effect = "killed" }, key: "again"));
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var id = await weir.Http.SubmitAsync("probe", new { effect = "killed" }, key: "again");
        var job = await weir.Http.FinalAsync(id, Limit);
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        await AssertOneEffectAsync(weir.Http, id);
    }

    [Theory]
    [InlineData("run.handler", 0, new[] { "workerLost", "succeeded" })]
    [InlineData("run.handled", 0, new[] { "workerLost", "succeeded" })]
    [InlineData("run.outcome", 0, new[] { "succeeded" })]
    [InlineData("run.outcome", 1, new[] { "failed", "succeeded" })]
    [InlineData("run.retry-sent", 1, new[] { "failed", "succeeded" })]
    public async Task An_accepted_job_ends_with_one_effect_and_every_attempt_on_record(string point, int failFirst, string[] outcomes)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            id = await dying.Http.SubmitAsync("probe", new { effect = "killed", failFirst, sleepMs = 300 });
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var job = await weir.Http.FinalAsync(id, Limit);
        Assert.Equal(outcomes, job.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("outcome").GetString()));
        Assert.Equal("succeeded", job.GetProperty("state").GetString());
        await AssertOneEffectAsync(weir.Http, id);
    }

    [Fact]
    public async Task A_dead_letter_whose_settlement_was_cut_off_is_in_the_catalogue_all_the_same()
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", "run.outcome")))
        {
            id = await dying.Http.SubmitAsync("probe", new { failFirst = 1, failAs = "permanent", note = "kept", sleepMs = 300 });
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        for (var tries = 0; ; tries++)
        {
            using var response = await weir.Http.GetAsync($"api/dead-letters/{id}");
            if (response.IsSuccessStatusCode)
            {
                var entry = await response.ReadJsonAsync();
                Assert.Equal("kept", entry.GetProperty("payload").GetProperty("note").GetString());
                return;
            }
            Assert.True(tries < 600, "The dead letter never came into the catalogue.");
            await Task.Delay(100);
        }
    }

    private static async Task AssertOneEffectAsync(HttpClient http, string id)
    {
        var effects = await http.EffectsAsync("killed");
        Assert.Equal(1, effects.GetProperty("count").GetInt32());
        Assert.Equal(id, effects.GetProperty("jobs")[0].GetProperty("id").GetString());
    }
}
