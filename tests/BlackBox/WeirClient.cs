using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What a client of the HTTP API does.</summary>
internal static class WeirClient
{
    public static Task<HttpResponseMessage> PostAsync(this HttpClient http, string body, string? key = null, string contentType = "application/json")
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "api/jobs") { Content = new StringContent(body, Encoding.UTF8) };
        request.Content.Headers.Remove("Content-Type");
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return http.SendAsync(request);
    }

    /// <summary>Submits a job and returns its id.</summary>
    public static async Task<string> SubmitAsync(this HttpClient http, string type, object payload, string? key = null, object? more = null)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!;
        body["type"] = type;
        body["payload"] = JsonSerializer.SerializeToNode(payload);
        using var response = await http.PostAsync(body.ToJsonString(), key);
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode}: {answer}");
        return answer.GetProperty("id").GetString()!;
    }

    /// <summary>The job when it is final; fails when it is not after <paramref name="limit"/> (60 s).</summary>
    public static async Task<JsonElement> FinalAsync(this HttpClient http, string id, TimeSpan? limit = null)
    {
        var tries = (int)Math.Ceiling((limit ?? TimeSpan.FromSeconds(60)) / TimeSpan.FromSeconds(10));
        JsonElement job = default;
        for (var attempt = 0; attempt < tries; attempt++)
        {
            job = await http.GetFromJsonAsync<JsonElement>($"api/jobs/{id}?wait=PT10S");
            if (job.GetProperty("state").GetString() is "succeeded" or "deadLettered" or "cancelled" or "expired" or "compensated")
                return job;
        }
        Assert.Fail($"The job is not final: {job}");
        return job;
    }

    public static Task<JsonElement> EffectsAsync(this HttpClient http, string effect) => http.GetFromJsonAsync<JsonElement>($"api/probe/effects/{effect}");

    public static async Task<JsonElement> ReadJsonAsync(this HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }
}
