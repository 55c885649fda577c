using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;

namespace BlackBox.Tests;

/// <summary>Who may do what, at the running product.</summary>
public sealed partial class AccessTests(KeyedInstance keyed) : IClassFixture<KeyedInstance>
{
    private const string Probe = """{"type": "probe", "payload": {"note": "mine"}}""";

    /// <summary>
    /// The scope of each route; null is open to everybody. Whoever adds a trigger adds its line: a route that is not here fails the test below.
    /// </summary>
    private static readonly Dictionary<string, string?> ScopeOf = new(StringComparer.Ordinal)
    {
        ["get api/health/live"] = null,
        ["get api/health/ready"] = null,
        ["post api/jobs"] = "submit",
        ["post api/jobs/bulk"] = "submit",
        ["delete api/jobs/{id}"] = "submit",
        ["get api/jobs"] = "read",
        ["get api/jobs/{id}"] = "read",
        ["post api/batches"] = "submit",
        ["get api/batches"] = "read",
        ["get api/batches/{id}"] = "read",
        ["get api/batches/{id}/items"] = "read",
        ["post api/batches/{id}/retry"] = "operate",
        ["post api/batches/{id}/pause"] = "operate",
        ["post api/batches/{id}/resume"] = "operate",
        ["delete api/batches/{id}"] = "submit",
        ["post api/jobs/{id}/events/{name}"] = "submit",
        ["get api/instances"] = "read",
        ["get api/findings"] = "operate",
        ["get api/dead-letters"] = "read",
        ["get api/dead-letters/groups"] = "read",
        ["get api/dead-letters/{id}"] = "read",
        ["post api/dead-letters/{id}/replay"] = "operate",
        ["post api/dead-letters/replay"] = "operate",
        ["delete api/dead-letters/{id}"] = "operate",
        ["get api/doctor"] = "operate",
        ["get api/replays"] = "read",
        ["get api/replays/{id}"] = "read",
        ["post api/replays/{id}/resume"] = "operate",
        ["post api/replays/{id}/stop"] = "operate",
        ["put api/schedules/{name}"] = "submit",
        ["delete api/schedules/{name}"] = "submit",
        ["post api/schedules/{name}/run"] = "submit",
        ["post api/schedules/{name}/pause"] = "operate",
        ["post api/schedules/{name}/resume"] = "operate",
        ["get api/schedules"] = "read",
        ["get api/schedules/{name}"] = "read",
        ["get api/breakers"] = "read",
        ["get api/limits"] = "read",
        ["get api/queues"] = "read",
        ["get api/capacity"] = "read",
        ["get api/metrics"] = "read",
        ["get api/statistics"] = "read",
        ["get api/controls"] = "read",
        ["put api/controls/{kind}/{name}"] = "operate",
        ["delete api/controls/{kind}/{name}"] = "operate",
        ["get api/audit"] = "operate",
        ["get api/catalog"] = "read",
        ["get api/catalog/{type}"] = "read",
        ["get api/probe/effects/{name}"] = "read",
        // The pages send whoever has not signed in to the page where one does; tests/Browser and DashboardTests say who sees what.
        ["get dashboard/{*path}"] = null,
        ["post dashboard/{*path}"] = null,
        // The outside world of the sample jobs, there in development only; they call it without a key.
        ["get sim"] = null,
        ["put sim/{name}"] = null,
        ["post sim/{name}"] = null,
    };

    /// <summary>What belongs to all tenants is not for a key that is bound to one, as all of these tests' are.</summary>
    private static readonly string[] OfAllTenants = ["get api/doctor"];

    [Fact]
    public void Every_route_has_its_scope_in_the_table_above() => Assert.Equal(ScopeOf.Keys.Order(), Routes().Order());

    [Fact]
    public async Task Without_a_credential_every_route_but_the_open_ones_answers_401()
    {
        foreach (var (route, scope) in ScopeOf)
        {
            using var response = await SendAsync(keyed.Weir.Http, route);
            if (scope is null)
                Assert.NotEqual(HttpStatusCode.Unauthorized, response.StatusCode);
            else
                await AssertProblemAsync(response, 401, "unauthenticated", route);
        }
    }

    [Fact]
    public async Task A_key_opens_the_routes_of_its_scope_and_no_other()
    {
        foreach (var key in new[] { keyed.Submitter, keyed.Reader, keyed.Operator })
        {
            using var http = key.Client(keyed.Weir);
            foreach (var (route, scope) in ScopeOf.Where(one => one.Value is not null))
            {
                using var response = await SendAsync(http, route);
                if (scope == key.Scopes && !OfAllTenants.Contains(route))
                    Assert.False(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, $"{key.Name}: {route}: {response.StatusCode}");
                else
                    await AssertProblemAsync(response, 403, "forbidden", $"{key.Name}: {route}");
            }
        }
    }

    [Theory]
    [InlineData("Authorization", "Bearer weir_wrong")]
    [InlineData("Authorization", "Bearer ")]
    [InlineData("Authorization", "Basic d2VpcjprZXk=")]
    [InlineData("Authorization", "weir_wrong")]
    [InlineData("X-Api-Key", "weir_wrong")]
    [InlineData("X-Api-Key", "")]
    [InlineData("X-MS-CLIENT-PRINCIPAL", "eyJjbGFpbXMiOlt7InR5cCI6InJvbGVzIiwidmFsIjoiV2Vpci5SZWFkIn1dfQ==")]
    public async Task A_credential_that_is_none_of_ours_is_401(string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/jobs");
        request.Headers.TryAddWithoutValidation(header, value);
        using var response = await keyed.Weir.Http.SendAsync(request);
        await AssertProblemAsync(response, 401, "unauthenticated", header);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task The_key_is_taken_from_either_header()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/catalog");
        request.Headers.Add("X-Api-Key", keyed.Alpha.Text);
        using var response = await keyed.Weir.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_job_of_another_tenant_reads_exactly_as_a_missing_one()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        using var beta = keyed.Beta.Client(keyed.Weir);
        var id = await alpha.SubmitAsync("probe", new { note = "secret", sleepMs = 3_000 });
        var missing = id[..^1] + (id[^1] == '0' ? '1' : '0');

        var began = TimeProvider.System.GetTimestamp();
        using var others = await beta.GetAsync($"api/jobs/{id}?wait=PT20S");
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(2.5), "It waited for another tenant's job, which tells that there is one.");
        using var nobodys = await beta.GetAsync($"api/jobs/{missing}?wait=PT20S");
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (others.StatusCode, nobodys.StatusCode));
        Assert.Equal(Stripped(await nobodys.Content.ReadAsStringAsync(), missing), Stripped(await others.Content.ReadAsStringAsync(), id));
        Assert.Equal("succeeded", (await alpha.FinalAsync(id)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_schedule_is_seen_and_changed_by_its_tenant_only()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        using var beta = keyed.Beta.Client(keyed.Weir);
        using var everywhere = keyed.Everywhere.Client(keyed.Weir);
        await alpha.ScheduleProbeAsync("mine", "0 3 * * *");
        using (var others = await beta.GetAsync("api/schedules/mine"))
            await AssertProblemAsync(others, 404, "scheduleNotFound", "another tenant's schedule");
        using (var others = await beta.DeleteAsync("api/schedules/mine"))
            await AssertProblemAsync(others, 404, "scheduleNotFound", "another tenant's schedule");
        await beta.ScheduleProbeAsync("mine", "0 4 * * *");
        Assert.Equal("0 3 * * *", (await alpha.ScheduleAsync("mine")).Text("cron"));

        using var page = await everywhere.GetAsync("api/schedules?limit=1");
        var cursor = (await page.ReadJsonAsync()).Text("cursor");
        using (var stolen = await beta.GetAsync($"api/schedules?cursor={cursor}"))
            await AssertProblemAsync(stolen, 400, "invalidQuery", "a cursor of another tenant's list");
        using var unsaid = await everywhere.GetAsync("api/schedules/mine");
        await AssertProblemAsync(unsaid, 400, "tenantMissing", "a name without a tenant");
    }

    [Fact]
    public async Task A_batch_of_another_tenant_reads_exactly_as_a_missing_one()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        using var beta = keyed.Beta.Client(keyed.Weir);
        using var everywhere = keyed.Everywhere.Client(keyed.Weir);
        var id = (await alpha.BatchAsync([new { note = "secret" }])).Text("id")!;
        var missing = id[..^1] + (id[^1] == '0' ? '1' : '0');
        foreach (var path in new[] { "", "/items" })
        {
            using var others = await beta.GetAsync($"api/batches/{id}{path}");
            using var nobodys = await beta.GetAsync($"api/batches/{missing}{path}");
            await AssertProblemAsync(others, 404, "batchNotFound", path);
            Assert.Equal(Stripped(await nobodys.Content.ReadAsStringAsync(), missing), Stripped(await others.Content.ReadAsStringAsync(), id));
        }
        using var cancelled = await beta.DeleteAsync($"api/batches/{id}");
        await AssertProblemAsync(cancelled, 404, "batchNotFound", "cancel");
        Assert.DoesNotContain(id, await beta.GetStringAsync("api/batches"));
        Assert.Contains(id, await everywhere.GetStringAsync("api/batches"));
        Assert.Equal("alpha", (await alpha.BatchBecomesAsync(id, "completed")).Text("tenant"));
    }

    [Fact]
    public async Task A_job_belongs_to_the_tenant_of_the_key_that_submitted_it()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        using var beta = keyed.Beta.Client(keyed.Weir);
        using var everywhere = keyed.Everywhere.Client(keyed.Weir);
        var ofAlpha = await alpha.SubmitAsync("probe", new { }, key: "same");
        var ofBeta = await beta.SubmitAsync("probe", new { }, key: "same");
        Assert.NotEqual(ofAlpha, ofBeta);
        Assert.Equal("alpha", (await everywhere.FinalAsync(ofAlpha)).GetProperty("tenant").GetString());
        Assert.Equal("beta", (await everywhere.FinalAsync(ofBeta)).GetProperty("tenant").GetString());
    }

    [Fact]
    public async Task A_bound_key_cannot_act_for_another_tenant()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        alpha.DefaultRequestHeaders.Add("Weir-Tenant", "beta");
        using var submitted = await alpha.PostAsync(Probe);
        await AssertProblemAsync(submitted, 403, "forbidden", "submit");
        using var listed = await alpha.GetAsync("api/jobs");
        await AssertProblemAsync(listed, 403, "forbidden", "list");
    }

    [Fact]
    public async Task A_bound_key_lists_its_own_tenants_jobs_only()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        using var listed = await alpha.GetAsync("api/jobs?tenant=beta");
        await AssertProblemAsync(listed, 403, "forbidden", "list");
    }

    [Fact]
    public async Task A_key_for_every_tenant_says_for_which_it_submits()
    {
        using var everywhere = keyed.Everywhere.Client(keyed.Weir);
        using var unsaid = await everywhere.PostAsync(Probe);
        await AssertProblemAsync(unsaid, 400, "tenantMissing", "submit");
        everywhere.DefaultRequestHeaders.Add("Weir-Tenant", "gamma");
        var job = await everywhere.FinalAsync(await everywhere.SubmitAsync("probe", new { }));
        Assert.Equal("gamma", job.GetProperty("tenant").GetString());
    }

    [Theory]
    [InlineData("not a tenant")]
    [InlineData("*")]
    [InlineData("")]
    public async Task A_tenant_header_that_is_no_tenant_is_refused(string tenant)
    {
        using var everywhere = keyed.Everywhere.Client(keyed.Weir);
        everywhere.DefaultRequestHeaders.TryAddWithoutValidation("Weir-Tenant", tenant);
        using var response = await everywhere.GetAsync("api/jobs");
        await AssertProblemAsync(response, 400, "invalidTenant", tenant);
    }

    [Fact]
    public async Task Outside_of_development_it_does_not_start_without_keys()
    {
        using var data = new DataFolder();
        var failure = await Assert.ThrowsAsync<EndedEarlyException>(() => WeirProcess.StartAsync(data, ("AZURE_FUNCTIONS_ENVIRONMENT", "Production")));
        Assert.Contains("Nobody can be let in: configure an API key (Weir:Keys:<name>) or Weir:Entra:Enabled", failure.Message);
    }

    [Theory]
    [InlineData("Weir__Keys__bad__Hash", "weir_the-key-itself", "Weir:Keys:bad:Hash is no SHA-256")]
    [InlineData("Weir__Entra__Enabled", "true", "WEBSITE_AUTH_ENABLED")]
    [InlineData("Weir__Webhooks__Secret", "whsec_short", "Weir:Webhooks:Secret is not valid")]
    public async Task A_wrong_setting_stops_the_start_and_is_not_printed(string name, string value, string says)
    {
        using var data = new DataFolder();
        var failure = await Assert.ThrowsAsync<EndedEarlyException>(() => WeirProcess.StartAsync(data, (name, value)));
        Assert.Contains(says, failure.Message);
        Assert.DoesNotContain("the-key-itself", failure.Message);
        Assert.DoesNotContain("whsec_short", failure.Message);
    }

    private static string Stripped(string problem, string id) => TraceId().Replace(problem.Replace(id, "(id)", StringComparison.Ordinal), "");

    private static async Task<HttpResponseMessage> SendAsync(HttpClient http, string route)
    {
        var (method, path) = (route.Split(' ')[0], Parameter().Replace(route.Split(' ')[1], "nothing"));
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path);
        if (method != "get")
            request.Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        return await http.SendAsync(request);
    }

    private static async Task AssertProblemAsync(HttpResponseMessage response, int status, string code, string what)
    {
        var problem = await response.ReadJsonAsync();
        Assert.True((int)response.StatusCode == status, $"{what}: {response.StatusCode} {problem}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, problem.GetProperty("code").GetString());
    }

    private static IEnumerable<string> Routes()
    {
        var folder = typeof(AccessTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Triggers").Value!;
        return from file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)
               from Match trigger in Trigger().Matches(File.ReadAllText(file))
               from method in trigger.Groups["method"].Captures
               select $"{method.Value} {trigger.Groups["route"].Value}";
    }

    [GeneratedRegex("""HttpTrigger\(AuthorizationLevel\.Anonymous,(\s*"(?<method>[a-z]+)",)+\s*Route = "(?<route>[^"]+)"\)""")]
    private static partial Regex Trigger();

    [GeneratedRegex(@"\{\*?\w+\??\}")]
    private static partial Regex Parameter();

    [GeneratedRegex("\"traceId\":\"[0-9a-f]+\"")]
    private static partial Regex TraceId();
}

/// <summary>One instance with keys of all kinds.</summary>
public sealed class KeyedInstance : IAsyncLifetime
{
    private readonly DataFolder data = new();

    internal ApiKey Alpha { get; } = new("alpha", "alpha", "submit read");

    internal ApiKey Beta { get; } = new("beta", "beta", "submit, read");

    internal ApiKey Everywhere { get; } = new("everywhere", "*", "submit read operate");

    internal ApiKey Submitter { get; } = new("submitter", "alpha", "submit");

    internal ApiKey Reader { get; } = new("reader", "alpha", "read");

    internal ApiKey Operator { get; } = new("operator", "alpha", "operate");

    internal ApiKey Owner { get; } = new("owner", "alpha", "submit read operate");

    internal ApiKey Rival { get; } = new("rival", "beta", "submit read operate");

    internal WeirProcess Weir { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Weir = await WeirProcess.StartAsync(data, [.. new[] { Alpha, Beta, Everywhere, Submitter, Reader, Operator, Owner, Rival }.SelectMany(key => key.Settings)]);

    public async ValueTask DisposeAsync()
    {
        if (Weir is not null)
            await Weir.DisposeAsync();
        data.Dispose();
    }
}
