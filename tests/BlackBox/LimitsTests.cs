using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using BlackBox.Tests.BadInput;

namespace BlackBox.Tests;

/// <summary>Quotas, the bound on submissions in flight, and who sees which limits, over HTTP.</summary>
public sealed class LimitsTests(LimitedInstance limited) : IClassFixture<LimitedInstance>
{
    [Fact]
    public async Task Beyond_its_quota_a_tenant_is_told_which_how_much_and_when_and_others_are_not_touched()
    {
        using var small = limited.Small.Client(limited.Weir);
        using var other = limited.Other.Client(limited.Weir);
        for (var job = 0; job < 3; job++)
            await small.SubmitAsync("probe", new { note = $"{job}" }, key: $"quota-{job}");

        using var refused = await small.PostAsync("""{"type": "probe", "payload": {"note": "one more"}}""");
        var problem = await refused.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.TooManyRequests, "quotaExceeded", "submissionsPerMinute"), (refused.StatusCode, problem.Text("code"), problem.Text("quota")));
        Assert.Equal((3, 3), (problem.GetProperty("limit").GetInt32(), problem.GetProperty("used").GetInt32()));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 140);
        // What was accepted before is answered as before, and others have their own.
        Assert.NotNull(await small.SubmitAsync("probe", new { note = "0" }, key: "quota-0"));
        await other.SubmitAsync("probe", new { note = "other" });

        using var bulk = await small.PostAsync("api/jobs/bulk", new StringContent("""[{"type": "probe", "payload": {}}]""", Encoding.UTF8, "application/json"));
        var item = (await bulk.ReadJsonAsync()).GetProperty("results")[0];
        Assert.Equal((429, "quotaExceeded"), (item.GetProperty("status").GetInt32(), item.GetProperty("problem").Text("code")));
    }

    [Fact]
    public async Task Beyond_what_is_handled_at_once_submissions_are_refused_before_they_are_read_and_nothing_else_is()
    {
        Assert.SkipWhen(ShardProcesses.Wanted is not null, "What is handled at once is counted in each instance, and the tenants of this test may have different shards: one's load is then none of the other's.");
        using var other = limited.Other.Client(limited.Weir);
        // Two submissions hold their places by sending no body yet.
        using var first = await OpenAsync();
        using var second = await OpenAsync();
        for (var limit = Task.Delay(TimeSpan.FromSeconds(20)); await InFlightAsync(other) < 2 && !limit.IsCompleted;)
            await Task.Delay(50);

        using var refused = await other.PostAsync("""{"type": "probe", "payload": {}}""");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "tooManyInFlight"), (refused.StatusCode, (await refused.ReadJsonAsync()).Text("code")));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 2);
        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync("api/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync("api/jobs")).StatusCode);

        first.Dispose();
        for (var limit = Task.Delay(TimeSpan.FromSeconds(20)); await InFlightAsync(other) > 1 && !limit.IsCompleted;)
            await Task.Delay(50);
        await other.SubmitAsync("probe", new { note = "room again" });
    }

    [Fact]
    public async Task A_tenant_sees_the_rates_of_types_and_its_own_limits_and_an_operator_all()
    {
        using var small = limited.Small.Client(limited.Weir);
        using var everywhere = limited.Everywhere.Client(limited.Weir);
        Assert.Equal(["tenant small", "type probe.limited"], Rates(await small.GetFromJsonAsync<JsonElement>("api/limits")));
        var all = await everywhere.GetFromJsonAsync<JsonElement>("api/limits");
        var each = ShardProcesses.Wanted ?? 1; // of shards, he sees the limits of each
        Assert.Equal(Enumerable.Repeat<string[]>(["tenant hidden", "tenant small", "type probe.limited"], each).SelectMany(ofOne => ofOne), Rates(all));
        Assert.Equal(Enumerable.Repeat("small submissionsPerMinute 3", each), all.GetProperty("quotas").EnumerateArray().Select(quota => $"{quota.Text("tenant")} {quota.Text("quota")} {quota.GetProperty("limit").GetInt64()}"));

        var type = await small.GetFromJsonAsync<JsonElement>("api/catalog/probe.limited");
        Assert.Equal(("20/s", 5), (type.Text("rate"), type.GetProperty("burst").GetInt32()));
        using var wrong = await small.GetAsync("api/limits?tenant=hidden");
        Assert.Equal((HttpStatusCode.BadRequest, "invalidQuery"), (wrong.StatusCode, (await wrong.ReadJsonAsync()).Text("code")));
    }

    private static string[] Rates(JsonElement limits) => [.. limits.GetProperty("rates").EnumerateArray().Select(rate => $"{rate.Text("kind")} {rate.Text("name")}")];

    private static async Task<long> InFlightAsync(HttpClient http) => (await http.GetFromJsonAsync<JsonElement>("api/limits")).GetProperty("inFlight").GetProperty("requests").GetInt64();

    /// <summary>Headers of a submission whose body does not come.</summary>
    private async Task<TcpClient> OpenAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, limited.Weir.Port);
        var head = $"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {limited.Other.Text}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n ";
        using var limit = new CancellationTokenSource(RawHttp.Patience);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), limit.Token);
        return client;
    }
}

/// <summary>One instance with limits on some tenants, that handles two submissions at once.</summary>
public sealed class LimitedInstance : IAsyncLifetime
{
    private readonly DataFolder data = new();

    internal ApiKey Small { get; } = new("small", "small", "submit read");

    internal ApiKey Other { get; } = new("other", "other", "submit read");

    internal ApiKey Everywhere { get; } = new("everywhere", "*", "read");

    internal WeirProcess Weir { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Weir = await WeirProcess.StartAsync(data,
    [
        .. new[] { Small, Other, Everywhere }.SelectMany(key => key.Settings),
        ("Weir__Tenants__small__Quotas__SubmissionsPerMinute", "3"), ("Weir__Tenants__small__Rate", "50/s"), ("Weir__Tenants__hidden__Rate", "50/s"),
        ("Weir__MaxInFlight", "2"), ("Weir__BodyTimeout", "00:01:00"),
    ]);

    public async ValueTask DisposeAsync()
    {
        if (Weir is not null)
            await Weir.DisposeAsync();
        data.Dispose();
    }
}
