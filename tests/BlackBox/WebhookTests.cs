using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>A callbackUrl is told of the end of its job, once, and signed.</summary>
public sealed class WebhookTests(ImpatientInstance weir) : IClassFixture<ImpatientInstance>
{
    private const string DevelopmentSecret = "whsec_d2Vpci1kZXZlbG9wbWVudC1vbmx5LXNlY3JldA==";

    [Fact]
    public async Task The_end_of_a_job_is_told_with_its_result_and_a_signature()
    {
        await using var receiver = new WebhookReceiver();
        var id = await SubmitAsync(receiver, new { note = "told" }, correlationId: "order-7");
        var delivery = (await receiver.UntilAsync(1))[0];

        Assert.True(delivery.IsSignedBy(DevelopmentSecret));
        var sentAt = DateTimeOffset.FromUnixTimeSeconds(long.Parse(delivery.Timestamp, System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(TimeProvider.System.GetUtcNow() - sentAt, TimeSpan.FromSeconds(-2), TimeSpan.FromMinutes(1));
        var (json, data) = (delivery.Json, delivery.Json.GetProperty("data"));
        Assert.Equal(("job.succeeded", id, "succeeded"), (json.GetProperty("type").GetString(), data.GetProperty("id").GetString(), data.GetProperty("state").GetString()));
        Assert.Equal(("told", "order-7"), (data.GetProperty("result").GetProperty("note").GetString(), data.GetProperty("correlationId").GetString()));
        Assert.Equal(JsonValueKind.String, json.GetProperty("timestamp").ValueKind);
        await AssertOneWebhookJobAsync(id, "succeeded");
    }

    [Fact]
    public async Task A_dead_letter_is_told_with_its_error()
    {
        await using var receiver = new WebhookReceiver();
        await SubmitAsync(receiver, new { failFirst = 1, failAs = "permanent" });
        var delivery = (await receiver.UntilAsync(1))[0];
        Assert.Equal("job.deadLettered", delivery.Json.GetProperty("type").GetString());
        var error = delivery.Json.GetProperty("data").GetProperty("error");
        Assert.Equal("permanent", error.GetProperty("reason").GetString());
        Assert.Contains("as it was told to", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_receiver_that_fails_is_tried_again_under_the_same_id_until_it_takes_it()
    {
        await using var receiver = new WebhookReceiver(count => new Answer(count < 3 ? 500 : 200));
        var id = await SubmitAsync(receiver, new { });
        var deliveries = await receiver.UntilAsync(3);
        await AssertOneWebhookJobAsync(id, "succeeded");
        Assert.Equal(3, receiver.Deliveries.Count);
        Assert.Single(deliveries.Select(delivery => delivery.Id).Distinct());
        Assert.All(deliveries, delivery => Assert.True(delivery.IsSignedBy(DevelopmentSecret)));
    }

    [Fact]
    public async Task Retry_After_is_honoured()
    {
        await using var receiver = new WebhookReceiver(count => count == 1 ? new Answer(503, "Retry-After", "2") : new Answer(200));
        await SubmitAsync(receiver, new { });
        var deliveries = await receiver.UntilAsync(2);
        Assert.True(TimeProvider.System.GetElapsedTime(deliveries[0].At, deliveries[1].At) > TimeSpan.FromSeconds(1.8));
    }

    [Fact]
    public async Task A_redirect_is_a_failure_and_is_not_followed()
    {
        await using var receiver = new WebhookReceiver(count => count == 1 ? new Answer(302, "Location", "/elsewhere") : new Answer(200));
        await SubmitAsync(receiver, new { });
        Assert.All(await receiver.UntilAsync(2), delivery => Assert.Equal("/hook", delivery.Path));
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_not_tried_again()
    {
        await using var receiver = new WebhookReceiver(_ => new Answer(410));
        var id = await SubmitAsync(receiver, new { });
        await AssertOneWebhookJobAsync(id, "deadLettered");
        Assert.Single(receiver.Deliveries);
    }

    [Theory]
    [InlineData("\"ftp://example.org/\"", 422, "callbackRefused")]
    [InlineData("\"/relative\"", 422, "callbackRefused")]
    [InlineData("\"https://user:secret@example.org/\"", 422, "callbackRefused")]
    [InlineData("\"https://example.org/#part\"", 422, "callbackRefused")]
    [InlineData("7", 400, "invalidRequest")]
    public async Task A_callback_that_cannot_be_called_is_refused(string url, int status, string code)
    {
        using var response = await weir.Http.PostAsync($$"""{"type": "probe", "payload": {}, "callbackUrl": {{url}}}""");
        Assert.Equal((status, code), ((int)response.StatusCode, (await response.ReadJsonAsync()).GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Nobody_can_submit_a_webhook_of_his_own()
    {
        using var response = await weir.Http.PostAsync("""{"type": "weir.webhook", "payload": {"url": "https://example.org/", "body": "{}"}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Equal("unknownType", (await response.ReadJsonAsync()).GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_name_that_leads_to_a_private_address_is_not_called_and_a_literal_one_is_refused_at_once()
    {
        using var data = new DataFolder();
        await using var strict = await WeirProcess.StartAsync(data, ("Weir__Webhooks__AllowPrivate", "false"));
        await using var receiver = new WebhookReceiver(host: Dns.GetHostName());
        foreach (var literal in new[] { "http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/metadata", "http://[::1]/", "http://localhost/", "http://2130706433/" })
        {
            using var response = await strict.Http.PostAsync($$"""{"type": "probe", "payload": {}, "callbackUrl": "{{literal}}"}""");
            Assert.True(response.StatusCode == HttpStatusCode.UnprocessableEntity, $"{literal}: {response.StatusCode}");
        }

        var id = await strict.Http.SubmitAsync("probe", new { }, more: new { callbackUrl = receiver.Url });
        var webhook = await WebhookJobAsync(strict.Http, id, "deadLettered");
        Assert.Contains("private address", webhook.GetProperty("error").GetProperty("message").GetString());
        Assert.Empty(receiver.Deliveries);
    }

    [Theory]
    [InlineData("run.outcome")]
    [InlineData("end.callback")]
    [InlineData("end.event")]
    public async Task A_crash_between_the_outcome_and_the_settlement_tells_nobody_twice_and_nobody_never(string point)
    {
        using var data = new DataFolder();
        await using var receiver = new WebhookReceiver();
        await using var first = await WeirProcess.StartAsync(data, ("Weir__KillPoint", point));
        var id = await first.Http.SubmitAsync("probe", new { }, more: new { callbackUrl = receiver.Url });
        await first.ExitedAsync();

        await using var second = await WeirProcess.StartAsync(data);
        Assert.Equal("succeeded", (await second.Http.FinalAsync(id)).GetProperty("state").GetString());
        await WebhookJobAsync(second.Http, id, "succeeded");
        Assert.Single(receiver.Deliveries.Select(delivery => delivery.Id).Distinct());
    }

    private Task<string> SubmitAsync(WebhookReceiver receiver, object payload, string? correlationId = null) =>
        weir.Http.SubmitAsync("probe", payload, more: correlationId is null ? new { callbackUrl = receiver.Url } : new { callbackUrl = receiver.Url, correlationId });

    private Task<JsonElement> AssertOneWebhookJobAsync(string id, string state) => WebhookJobAsync(weir.Http, id, state);

    /// <summary>The one webhook job of a job, once it is in this state.</summary>
    private static async Task<JsonElement> WebhookJobAsync(HttpClient http, string id, string state)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var list = await http.GetFromJsonAsync<JsonElement>("api/jobs?type=weir.webhook&limit=100", limit.Token);
            var webhooks = list.GetProperty("jobs").EnumerateArray().Where(job => job.GetProperty("correlationId").GetString() == id).ToArray();
            Assert.InRange(webhooks.Length, 0, 1);
            if (webhooks is [var webhook] && webhook.GetProperty("state").GetString() == state)
                return await http.GetFromJsonAsync<JsonElement>($"api/jobs/{webhook.GetProperty("id").GetString()}", limit.Token);
            await Task.Delay(50, limit.Token);
        }
    }
}

/// <summary>One instance that tries webhooks again at once.</summary>
public sealed class ImpatientInstance : IAsyncLifetime
{
    private readonly DataFolder data = new();
    private WeirProcess? weir;

    public HttpClient Http => weir!.Http;

    public async ValueTask InitializeAsync() => weir = await WeirProcess.StartAsync(data, ("Weir__Retries__patient__Base", "00:00:00.1"), ("Weir__Retries__patient__Cap", "00:00:00.2"));

    public async ValueTask DisposeAsync()
    {
        if (weir is not null)
            await weir.DisposeAsync();
        data.Dispose();
    }
}
