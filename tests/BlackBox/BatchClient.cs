using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>What a client does with batches.</summary>
internal static class BatchClient
{
    public const string NdJson = "application/x-ndjson";

    public static Task<HttpResponseMessage> PostBatchAsync(this HttpClient http, string body, string query = "", string? key = null, string contentType = NdJson)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"api/batches{query}") { Content = new StringContent(body, Encoding.UTF8, contentType) };
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return http.SendAsync(request);
    }

    /// <summary>Submits items that are submissions; the answer.</summary>
    public static Task<JsonElement> BatchOfAsync(this HttpClient http, IEnumerable<object> items) => AcceptedAsync(http, items, "", key: null);

    /// <summary>Submits the payloads as a batch of probes; the answer.</summary>
    public static Task<JsonElement> BatchAsync(this HttpClient http, IEnumerable<object> payloads, string query = "", string? key = null) => AcceptedAsync(http, payloads, $"?type=probe{query}", key);

    private static async Task<JsonElement> AcceptedAsync(HttpClient http, IEnumerable<object> items, string query, string? key)
    {
        using var response = await http.PostBatchAsync(string.Join('\n', items.Select(item => JsonSerializer.Serialize(item))), query, key);
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode}: {answer}");
        return answer;
    }

    /// <summary>The batch as soon as it has one of the states; fails when it has none after a time.</summary>
    public static async Task<JsonElement> BatchBecomesAsync(this HttpClient http, string id, string state, TimeSpan? limit = null)
    {
        using var patience = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(60));
        JsonElement batch = default;
        while (!patience.IsCancellationRequested)
        {
            batch = await http.GetFromJsonAsync<JsonElement>($"api/batches/{id}{(state is "completed" or "cancelled" ? "?wait=PT5S" : "")}");
            if (batch.State() == state)
                return batch;
            await Task.Delay(20);
        }
        Assert.Fail($"The batch did not become {state}: {batch}");
        return batch;
    }

    /// <summary>Asks for a retry, a pause or a resumption.</summary>
    public static async Task<JsonElement> ChangeAsync(this HttpClient http, string id, string verb)
    {
        using var response = await http.PostAsync($"api/batches/{id}/{verb}", content: null);
        var answer = await response.ReadJsonAsync();
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{response.StatusCode}: {answer}");
        return answer;
    }

    public static async Task<JsonElement> RefusedChangeAsync(this HttpClient http, string id, string verb)
    {
        using var response = await http.PostAsync($"api/batches/{id}/{verb}", content: null);
        Assert.False(response.IsSuccessStatusCode);
        return await response.ReadJsonAsync();
    }

    /// <summary>Until every item of a paused batch that has not ended is held.</summary>
    public static async Task UntilHeldAsync(this HttpClient http, string id)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!patience.IsCancellationRequested)
        {
            if ((await http.ItemsAsync(id, "pending")).All(item => item.State() == "held"))
                return;
            await Task.Delay(50);
        }
        Assert.Fail("Items of a paused batch are not held.");
    }

    /// <summary>Replays a dead letter as soon as the catalogue has it.</summary>
    public static async Task ReplayCollectedAsync(this HttpClient http, string jobId)
    {
        for (var tries = 0; ; tries++)
        {
            using var response = await http.PostAsync($"api/dead-letters/{jobId}/replay", content: null);
            if (response.IsSuccessStatusCode)
                return;
            Assert.True(tries < 600, $"{response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
            await Task.Delay(100);
        }
    }

    public static int Count(this JsonElement batch, string state) => batch.GetProperty("counts").GetProperty(state).GetInt32();

    /// <summary>All items of a state, page by page.</summary>
    public static async Task<List<JsonElement>> ItemsAsync(this HttpClient http, string id, string state)
    {
        var items = new List<JsonElement>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await http.GetFromJsonAsync<JsonElement>($"api/batches/{id}/items?state={state}&limit=100&cursor={cursor}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.Text("cursor");
        }
        return items;
    }
}
