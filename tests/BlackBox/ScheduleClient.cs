using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What a client does with schedules.</summary>
internal static class ScheduleClient
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Task<HttpResponseMessage> PutScheduleAsync(this HttpClient http, string name, string body, string? ifMatch = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, $"api/schedules/{name}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (ifMatch is not null)
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        return http.SendAsync(request);
    }

    /// <summary>A probe with an effect, as often as the cron expression says.</summary>
    public static async Task<JsonElement> ScheduleProbeAsync(this HttpClient http, string name, string cron = "* * * * * *", string more = "")
    {
        using var response = await http.PutScheduleAsync(name, $$"""{"type": "probe", "payload": {"effect": "{{name}}"}, "cron": "{{cron}}"{{more}}}""");
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK, $"{response.StatusCode}: {answer}");
        return answer;
    }

    public static Task<JsonElement> ScheduleAsync(this HttpClient http, string name) => http.GetFromJsonAsync<JsonElement>($"api/schedules/{name}");

    public static Task<HttpResponseMessage> PostScheduleAsync(this HttpClient http, string name, string action, string body = "{}", string? key = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"api/schedules/{name}/{action}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return http.SendAsync(request);
    }

    /// <summary>The schedule when it has fired so often.</summary>
    public static async Task<JsonElement> FiredAsync(this HttpClient http, string name, long times)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var schedule = await http.ScheduleAsync(name);
            if (schedule.GetProperty("fired").GetInt64() >= times)
                return schedule;
            Assert.False(limit.IsCancellationRequested, $"It did not fire {times} times: {schedule}");
            await Task.Delay(50);
        }
    }

    /// <summary>
    /// Holds that every second from the first occurrence until a moment has exactly one job, which ran once. The schedule must be paused or gone, so that no more come.
    /// </summary>
    public static async Task<int> AssertEverySecondOnceAsync(this HttpClient http, string name, DateTimeOffset first, DateTimeOffset last)
    {
        var expected = Enumerable.Range(0, (int)(last - first).TotalSeconds + 1).Select(second => first.AddSeconds(second)).ToArray();
        using var limit = new CancellationTokenSource(Limit);
        JsonElement effects = default;
        while (!limit.IsCancellationRequested && (effects.ValueKind == JsonValueKind.Undefined || effects.GetProperty("count").GetInt32() < expected.Length))
        {
            effects = await http.EffectsAsync(name);
            await Task.Delay(50);
        }
        var jobs = await Task.WhenAll(effects.GetProperty("jobs").EnumerateArray().Select(effect => http.FinalAsync(effect.GetProperty("id").GetString()!)));
        Assert.Equal(expected, jobs.Select(job => job.GetProperty("schedule").GetProperty("occurrence").GetDateTimeOffset()).Order());
        Assert.All(jobs, job => Assert.Equal((name, "succeeded"), (job.GetProperty("schedule").Text("name"), job.State())));
        return jobs.Length;
    }
}
