using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>The list of jobs, and who runs them.</summary>
public sealed class ListTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task Pages_show_every_job_once_the_newest_first_and_filters_leave_out_the_rest()
    {
        const int Count = 300;
        var ids = new List<string>();
        foreach (var chunk in Enumerable.Range(0, Count).Chunk(30))
            ids.AddRange(await Task.WhenAll(chunk.Select(number => weir.Http.SubmitAsync("analytics.track", new { name = $"n-{number}", userId = "u" }, more: new { correlationId = "listed" }))));
        foreach (var chunk in ids.Chunk(50))
            await Task.WhenAll(chunk.Select(id => weir.Http.FinalAsync(id)));
        var dead = await weir.Http.SubmitAsync("probe", new { failFirst = 1, failAs = "permanent" });
        await weir.Http.FinalAsync(dead);

        var listed = await UntilAsync("api/jobs?type=analytics.track&state=succeeded", Count);
        Assert.Equal(ids.Order(), listed.Select(job => job.GetProperty("id").GetString()!).Order());
        var times = listed.Select(job => job.GetProperty("submittedAt").GetDateTimeOffset()).ToArray();
        Assert.Equal(times.OrderDescending().Select(time => time.ToUnixTimeMilliseconds()), times.Select(time => time.ToUnixTimeMilliseconds()));
        Assert.All(listed, job => Assert.Equal(("default", "listed"), (job.GetProperty("tenant").GetString(), job.GetProperty("correlationId").GetString())));

        var middle = Uri.EscapeDataString(times[Count / 2].ToString("O"));
        var newer = await AllAsync($"api/jobs?type=analytics.track&from={middle}");
        var older = await AllAsync($"api/jobs?type=analytics.track&to={middle}");
        Assert.InRange(newer.Count + older.Count, Count, Count + 32); // those of one moment are in both
        Assert.Equal([dead], (await UntilAsync("api/jobs?state=deadLettered&type=probe", 1)).Select(job => job.GetProperty("id").GetString()));
        Assert.Empty(await AllAsync("api/jobs?type=no.such"));
        Assert.Empty(await AllAsync("api/jobs?tenant=nobody"));
    }

    [Fact]
    public async Task A_running_job_is_shown_in_the_list_and_at_its_instance()
    {
        var id = await weir.Http.SubmitAsync("probe", new { sleepMs = 15_000 });
        var running = await UntilAsync("api/jobs?state=running", 1);
        Assert.Contains(id, running.Select(job => job.GetProperty("id").GetString()));

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var instances = await weir.Http.GetFromJsonAsync<JsonElement>("api/instances", limit.Token);
            var all = instances.GetProperty("instances").EnumerateArray().ToArray();
            Assert.Equal(ShardProcesses.Wanted ?? 1, all.Length);
            Assert.All(all, instance => Assert.True(instance.GetProperty("alive").GetBoolean()));
            Assert.All(all, instance => Assert.NotEqual("", instance.GetProperty("version").GetString()));
            var job = all.SelectMany(instance => instance.GetProperty("jobs").EnumerateArray()).FirstOrDefault(job => job.GetProperty("id").GetString() == id);
            if (job.ValueKind == JsonValueKind.Object)
            {
                Assert.Equal(("probe", 1), (job.GetProperty("type").GetString(), job.GetProperty("attempt").GetInt32()));
                return;
            }
            await Task.Delay(100, limit.Token);
        }
    }

    [Theory]
    [InlineData("stat=queued")]
    [InlineData("state=Queued")]
    [InlineData("state=lost")]
    [InlineData("limit=0")]
    [InlineData("limit=101")]
    [InlineData("limit=-1")]
    [InlineData("from=yesterday")]
    [InlineData("from=2026-11-21T10:00:00Z&to=2026-11-20T10:00:00Z")]
    [InlineData("cursor=nonsense")]
    [InlineData("cursor=OTk5OTk5OTk5OTk5OTk5")]
    [InlineData("type=a&type=b")]
    public async Task A_query_that_is_wrong_gets_a_problem(string query)
    {
        using var response = await weir.Http.GetAsync($"api/jobs?{query}");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("invalidQuery", (await response.ReadJsonAsync()).GetProperty("code").GetString());
    }

    private async Task<List<JsonElement>> UntilAsync(string query, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var jobs = await AllAsync(query);
            if (jobs.Count >= count)
                return jobs;
            if (limit.IsCancellationRequested)
                Assert.Fail($"{query} shows {jobs.Count} jobs, expected {count}.");
            await Task.Delay(100);
        }
    }

    private async Task<List<JsonElement>> AllAsync(string query)
    {
        var jobs = new List<JsonElement>();
        string? cursor = null;
        do
        {
            var page = await weir.Http.GetFromJsonAsync<JsonElement>($"{query}&limit=40{(cursor is null ? "" : $"&cursor={cursor}")}");
            Assert.InRange(page.GetProperty("jobs").GetArrayLength(), 0, 40);
            jobs.AddRange(page.GetProperty("jobs").EnumerateArray());
            cursor = page.TryGetProperty("cursor", out var next) ? next.GetString() : null;
        }
        while (cursor is not null);
        Assert.Equal(jobs.Count, jobs.Select(job => job.GetProperty("id").GetString()).Distinct().Count());
        return jobs;
    }
}

/// <summary>Retention at the running product, which looks for what it may remove each minute.</summary>
public sealed class RetentionTests
{
    [Fact]
    public async Task A_finished_job_goes_when_its_time_is_over_and_a_dead_letter_stays()
    {
        using var data = new DataFolder();
        await using var weir = await WeirProcess.StartAsync(data, ("Weir__Retention", "00:00:01"));
        var finished = await weir.Http.SubmitAsync("probe", new { effect = "removed" });
        var dead = await weir.Http.SubmitAsync("probe", new { failFirst = 1, failAs = "permanent" });
        await weir.Http.FinalAsync(dead);

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(150));
        while (true)
        {
            using var response = await weir.Http.GetAsync($"api/jobs/{finished}", limit.Token);
            if (response.StatusCode == HttpStatusCode.NotFound)
                break;
            await Task.Delay(500, limit.Token);
        }
        while (true)
        {
            var listed = await weir.Http.GetFromJsonAsync<JsonElement>("api/jobs", limit.Token);
            if (listed.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("id").GetString()).SequenceEqual([dead]))
                break;
            await Task.Delay(500, limit.Token);
        }
        Assert.Equal("deadLettered", (await weir.Http.FinalAsync(dead)).GetProperty("state").GetString());
    }
}
