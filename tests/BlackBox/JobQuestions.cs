using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What a client asks about a job, and asks of it.</summary>
internal static class JobQuestions
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Task<JsonElement> ShowAsync(this HttpClient http, string id) => http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}");

    /// <summary>The job as soon as it has the state; fails when it has not within a minute.</summary>
    public static async Task<JsonElement> BecomesAsync(this HttpClient http, string id, string state)
    {
        using var limit = new CancellationTokenSource(Limit);
        JsonElement job = default;
        while (!limit.IsCancellationRequested)
        {
            job = await http.ShowAsync(id);
            if (job.GetProperty("state").GetString() == state)
                return job;
            await Task.Delay(20);
        }
        Assert.Fail($"The job did not become {state}: {job}");
        return job;
    }

    public static Task<HttpResponseMessage> CancelAsync(this HttpClient http, string id, string? reason = null) =>
        http.DeleteAsync($"api/jobs/{id}{(reason is null ? "" : $"?reason={Uri.EscapeDataString(reason)}")}");

    public static string? State(this JsonElement job) => job.GetProperty("state").GetString();

    public static string? Text(this JsonElement job, string name) => job.TryGetProperty(name, out var value) ? value.GetString() : null;
}
