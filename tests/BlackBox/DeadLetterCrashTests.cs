using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>kill -9 between any two steps on the way into the dead letters, and out of them.</summary>
public sealed class DeadLetterCrashTests
{
    private const string KillPoint = "Weir__KillPoint";

    [Theory]
    [InlineData("collect.payload")]
    [InlineData("collect.entry")]
    [InlineData("collect.receipt")]
    public async Task A_collector_killed_between_two_steps_leaves_one_whole_dead_letter(string point)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, (KillPoint, point)))
        {
            id = await dying.Http.SubmitAsync("probe", new { effect = point, failFirst = 1, failAs = "permanent", note = "kept" });
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal(("open", "kept", 1), (
            entry.GetProperty("state").GetString(), entry.GetProperty("payload").GetProperty("note").GetString(), entry.GetProperty("attempts").GetArrayLength()));
        using (var replay = await weir.Http.ReplayAsync(id))
            Assert.Equal(HttpStatusCode.Accepted, replay.StatusCode);
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
        Assert.Equal((1, 2), await weir.Http.CountsAsync(point));
        var all = await weir.Http.GetFromJsonAsync<JsonElement>("api/dead-letters");
        Assert.Equal("replayed", Assert.Single(all.GetProperty("deadLetters").EnumerateArray()).GetProperty("state").GetString());
    }

    [Theory]
    [InlineData("replay.receipt")]
    [InlineData("replay.send")]
    public async Task A_replay_killed_between_two_steps_is_one_run_once_it_is_asked_for_again(string point)
    {
        using var data = new DataFolder();
        string id;
        await using (var dying = await WeirProcess.StartAsync(data, (KillPoint, point)))
        {
            id = await dying.Http.SubmitAsync("probe", new { effect = point, failFirst = 1, failAs = "permanent" });
            await dying.Http.DeadLetterAsync(id);
            await Assert.ThrowsAsync<HttpRequestException>(async () => (await dying.Http.ReplayAsync(id, operatorName: "ada")).Dispose());
            await dying.ExitedAsync();
        }

        await using var weir = await WeirProcess.StartAsync(data);
        using (var again = await weir.Http.ReplayAsync(id, operatorName: "bob"))
        {
            // Sent before the kill, the run may have begun by now.
            var answer = await again.ReadJsonAsync();
            Assert.True(again.StatusCode == HttpStatusCode.Accepted || (point == "replay.send" && again.StatusCode == HttpStatusCode.Conflict), answer.ToString());
            Assert.Equal("ada", answer.GetProperty("by").GetString());
        }
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(id)).GetProperty("state").GetString());
        Assert.Equal((1, 2), await weir.Http.CountsAsync(point));
        var entry = await weir.Http.DeadLetterAsync(id);
        Assert.Equal(("replayed", "ada"), (entry.GetProperty("state").GetString(), entry.GetProperty("handled").GetProperty("by").GetString()));
    }

    [Fact]
    public async Task A_job_that_kills_every_worker_ends_as_a_dead_letter_and_the_others_go_on()
    {
        using var data = new DataFolder();
        string id;
        var others = new List<string>();
        await using (var first = await WeirProcess.StartAsync(data))
        {
            id = await first.Http.SubmitAsync("probe", new { failFirst = 100, failAs = "crash", note = "loop" }, key: "loop");
            await first.ExitedAsync();
        }
        var restarts = 0;
        for (; restarts < 20; restarts++)
        {
            await using var weir = await RestartedAsync(data);
            if (weir is null)
                continue;
            try
            {
                others.Add(await weir.Http.SubmitAsync("probe", new { effect = "others", note = $"{restarts}" }, key: $"other-{restarts}"));
                await weir.Http.FinalAsync(id);
                break;
            }
            catch (HttpRequestException)
            {
                await weir.ExitedAsync(); // the job has taken it down
            }
        }

        await using var last = await WeirProcess.StartAsync(data);
        var entry = await last.Http.DeadLetterAsync(id);
        Assert.Equal(("attemptsExhausted", "loop"), (entry.GetProperty("reason").GetString(), entry.GetProperty("payload").GetProperty("note").GetString()));
        Assert.Equal(Enumerable.Repeat("workerLost", 5), entry.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("outcome").GetString()));
        Assert.NotEmpty(others);
        foreach (var other in others)
            Assert.Equal("succeeded", (await last.Http.FinalAsync(other)).GetProperty("state").GetString());
    }

    /// <summary>Null when the job took the process down before it was ready.</summary>
    private static async Task<WeirProcess?> RestartedAsync(DataFolder data)
    {
        try
        {
            return await WeirProcess.StartAsync(data);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
