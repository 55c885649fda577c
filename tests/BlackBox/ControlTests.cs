using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What an operator switches acts on every instance within five seconds, and nothing is lost by it.</summary>
public sealed class ControlTests
{
    private const int Jobs = 500;

    [Fact]
    public async Task A_paused_type_starts_nothing_after_five_seconds_others_go_on_and_all_of_it_runs_when_it_is_resumed()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        await using var second = await WeirProcess.StartAsync(data);
        // 500 of 100 ms in 32 lanes take some 2 s: most of them still wait when the pause comes.
        await weir.Http.BulkAsync(Enumerable.Range(0, Jobs).Select(_ => new { type = "probe", payload = new { effect = "paused", sleepMs = 400 } }));
        var pause = await second.Http.PutControlAsync("type/probe", new { reason = "the other side asked for it" });
        Assert.Equal("type", pause.Text("kind"));
        var asked = Stopwatch.StartNew();

        var other = await weir.Http.SubmitAsync("probe.ordered", new { effect = "other" }, more: new { orderingKey = "k" });
        await weir.Http.FinalAsync(other);
        await Task.Delay(TimeSpan.FromSeconds(5) - asked.Elapsed is { Ticks: > 0 } rest ? rest : TimeSpan.Zero);
        var starts = await StartsAsync(weir.Http);
        Assert.InRange(starts, 0, Jobs - 1);
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Equal(starts, await StartsAsync(weir.Http));

        var waiting = await weir.Http.SubmitAsync("probe", new { effect = "paused" });
        var held = await weir.Http.BecomesAsync(waiting, "held");
        Assert.Equal("paused", held.GetProperty("why").Text("reason"));
        var shown = held.GetProperty("paused");
        Assert.Equal(("type", "probe", "anonymous", "the other side asked for it"), (shown.Text("kind"), shown.Text("name"), shown.Text("by"), shown.Text("reason")));
        Assert.Equal("probe", (await weir.Http.GetFromJsonAsync<JsonElement>("api/catalog/probe")).GetProperty("paused").Text("name"));

        Assert.Equal(HttpStatusCode.NoContent, (await weir.Http.DeleteAsync("api/controls/type/probe?reason=done")).StatusCode);
        await EffectsBecomeAsync(second.Http, Jobs + 1);
        Assert.Equal(Jobs + 1, await StartsAsync(weir.Http)); // no attempt was begun and given up
        var audit = (await weir.Http.GetFromJsonAsync<JsonElement>("api/audit")).GetProperty("entries").EnumerateArray().Select(entry => $"{entry.Text("action")} {entry.Text("outcome")} {entry.Text("reason")}");
        Assert.Equal(["removed done done", "put done the other side asked for it"], audit);
    }

    [Theory]
    [InlineData("control.held")]
    [InlineData("control.marked")]
    [InlineData("control.released")]
    [InlineData("hold.released")]
    public async Task A_process_that_dies_while_it_holds_or_releases_leaves_no_job_behind(string point)
    {
        using var data = new DataFolder();
        string[] ids;
        await using (var dying = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point)))
        {
            await dying.Http.PutControlAsync("type/probe", new { reason = "to be held" });
            ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => dying.Http.SubmitAsync("probe", new { effect = "paused" }, more: new { delay = "PT1S" })));
            if (point.EndsWith("released", StringComparison.Ordinal))
            {
                foreach (var id in ids)
                    await dying.Http.BecomesAsync(id, "held");
                await Assert.ThrowsAnyAsync<HttpRequestException>(() => dying.Http.DeleteAsync("api/controls/type/probe"));
            }
            await dying.ExitedAsync();
        }

        // Whether it was taken away before the death or not, it is taken away now; and the rest is done by itself.
        await using var weir = await WeirProcess.StartAsync(data);
        Assert.True((await weir.Http.DeleteAsync("api/controls/type/probe")).StatusCode is HttpStatusCode.NoContent or HttpStatusCode.NotFound);
        foreach (var id in ids)
        {
            var job = await weir.Http.FinalAsync(id, TimeSpan.FromSeconds(90));
            Assert.Equal(("succeeded", 1), (job.State(), job.GetProperty("attempts").GetArrayLength()));
        }
    }

    [Fact]
    public async Task What_a_drained_instance_is_sent_another_one_runs()
    {
        using var data = new DataFolder();
        await using var drained = await WeirProcess.StartAsync(data);
        var id = (await drained.Http.GetFromJsonAsync<JsonElement>("api/instances")).GetProperty("instances")[0].Text("id")!;
        await using var other = await WeirProcess.StartAsync(data);
        await drained.Http.PutControlAsync($"instance/{id}", new { reason = "to be replaced", @for = "PT10M" });
        await UntilAsync(async () => (await drained.Http.GetFromJsonAsync<JsonElement>("api/instances")).GetProperty("instances").EnumerateArray()
            .Any(one => one.Text("id") == id && one.TryGetProperty("drain", out var drain) && drain.GetProperty("empty").GetBoolean()));

        // Its own receivers hear of these first, and take their lanes.
        var jobs = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => drained.Http.SubmitAsync("probe", new { effect = "sent" })));
        foreach (var job in jobs)
        {
            var ended = await other.Http.FinalAsync(job);
            Assert.All(ended.GetProperty("attempts").EnumerateArray(), attempt => Assert.NotEqual(id, attempt.Text("instance")));
        }
    }

    [Fact]
    public async Task A_drained_instance_runs_out_of_jobs_and_says_so_and_a_wrong_control_is_told_what_is_expected()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data);
        var id = (await weir.Http.GetFromJsonAsync<JsonElement>("api/instances")).GetProperty("instances")[0].Text("id")!;
        await weir.Http.SubmitAsync("probe", new { sleepMs = 3_000 });
        await Task.Delay(500);
        await weir.Http.PutControlAsync($"instance/{id}", new { reason = "to be replaced", @for = "PT1M" });
        var waiting = await weir.Http.SubmitAsync("probe", new { });
        await UntilAsync(async () => (await weir.Http.GetFromJsonAsync<JsonElement>("api/instances")).GetProperty("instances")[0].GetProperty("drain").GetProperty("empty").GetBoolean());
        Assert.Equal("queued", (await weir.Http.ShowAsync(waiting)).State());
        await weir.Http.DeleteAsync($"api/controls/instance/{id}");
        Assert.Equal("succeeded", (await weir.Http.FinalAsync(waiting)).State());

        foreach (var (path, body, status, code) in new (string, object, int, string)[]
        {
            ("lane/x", new { reason = "r" }, 404, "unknownControlKind"),
            ("queue/fast", new { reason = "r" }, 400, "invalidControlName"),
            ("type/no.such", new { reason = "r" }, 422, "unknownType"),
            ("instance/gone", new { reason = "r" }, 404, "instanceNotFound"),
            ("queue/bulk", new { }, 400, "invalidRequest"),
            ("queue/bulk", new { reason = "r", until = "2020-01-01T00:00:00Z" }, 400, "invalidRequest"),
            ("queue/bulk", new { reason = "r", @for = "soon" }, 400, "invalidRequest"),
            ("policy/probe", new { reason = "r" }, 400, "invalidRequest"),
            ("policy/probe", new { reason = "r", retry = new { attempts = 0 } }, 400, "invalidRequest"),
            ("feature/fast", new { reason = "r", percentage = 101 }, 400, "invalidRequest"),
        })
        {
            using var answer = await weir.Http.PutAsJsonAsync($"api/controls/{path}", body);
            Assert.Equal((status, code), ((int)answer.StatusCode, (await answer.ReadJsonAsync()).Text("code")));
        }
        Assert.Equal(HttpStatusCode.NotFound, (await weir.Http.DeleteAsync("api/controls/queue/bulk")).StatusCode);
        Assert.Empty((await weir.Http.GetFromJsonAsync<JsonElement>("api/controls")).GetProperty("controls").EnumerateArray());
    }

    private static async Task<int> StartsAsync(HttpClient http) => (await http.EffectsAsync("paused")).GetProperty("starts").GetInt32();

    private static Task EffectsBecomeAsync(HttpClient http, int count) => UntilAsync(async () => (await http.EffectsAsync("paused")).GetProperty("count").GetInt32() == count);

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, "It did not come about within a minute.");
            await Task.Delay(100);
        }
    }
}

/// <summary>What an operator asks of controls.</summary>
internal static class ControlClient
{
    public static async Task<JsonElement> PutControlAsync(this HttpClient http, string path, object body)
    {
        using var answer = await http.PutAsJsonAsync($"api/controls/{path}", body);
        var control = await answer.ReadJsonAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {control}");
        return control;
    }

    public static async Task BulkAsync(this HttpClient http, IEnumerable<object> jobs)
    {
        using var answer = await http.PostAsJsonAsync("api/jobs/bulk", jobs);
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {await answer.ReadJsonAsync()}");
    }
}
