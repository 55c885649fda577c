using System.Net;
using System.Text.RegularExpressions;

namespace Browser.Tests;

/// <summary>Who sees which page, who may do what, and that a form is really one of ours; without a browser.</summary>
public sealed partial class SignInTests(KeyedWeir keyed) : IClassFixture<KeyedWeir>
{
    [Theory]
    [InlineData("")]
    [InlineData("/jobs?state=held")]
    [InlineData("/dead-letters")]
    [InlineData("/controls")]
    [InlineData("/no/such/page")]
    public async Task Without_a_session_a_page_leads_to_sign_in_and_back(string page)
    {
        using var http = keyed.Browser();
        using var answer = await http.GetAsync($"dashboard{page}");
        Assert.Equal((HttpStatusCode.SeeOther, $"/dashboard/sign-in?return={Uri.EscapeDataString($"/dashboard{page}")}"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    [Fact]
    public async Task A_part_that_renews_itself_sends_its_page_to_sign_in_when_the_session_is_over()
    {
        using var http = keyed.Browser();
        http.DefaultRequestHeaders.Add("HX-Request", "true");
        using var answer = await http.GetAsync("dashboard/jobs");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("/dashboard/sign-in?return=%2Fdashboard%2Fjobs", Assert.Single(answer.Headers.GetValues("HX-Redirect")));
    }

    [Fact]
    public async Task A_key_signs_in_and_its_cookie_does_not_hold_it()
    {
        using var http = keyed.Browser();
        using var answer = await SignInAsync(http, keyed.Operator, "/dashboard/jobs");
        Assert.Equal((HttpStatusCode.SeeOther, "/dashboard/jobs"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("path=/dashboard", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(keyed.Operator.Text, cookie, StringComparison.Ordinal);
        Assert.Contains("operator", await http.GetStringAsync("dashboard"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cookie_is_for_encrypted_connections_only_anywhere_but_on_this_machine()
    {
        using var http = keyed.Browser();
        http.DefaultRequestHeaders.Host = "weir.example.org";
        using var answer = await SignInAsync(http, keyed.Operator);
        Assert.Contains("secure", Assert.Single(answer.Headers.GetValues("Set-Cookie")), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("weir_wrong")]
    [InlineData("")]
    [InlineData("<script>alert(1)</script>")]
    public async Task A_key_that_is_none_of_ours_does_not(string key)
    {
        using var http = keyed.Browser();
        using var answer = await http.PostAsync("dashboard/sign-in", new FormUrlEncodedContent([KeyValuePair.Create("key", key)]));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        var html = await answer.Content.ReadAsStringAsync();
        Assert.Contains("This key is not known here.", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Theory]
    [InlineData("https://example.org/")]
    [InlineData("//example.org/dashboard")]
    [InlineData("/dashboard.example.org")]
    [InlineData("/dashboard/\\example.org")]
    public async Task Signing_in_leads_nowhere_but_to_a_page_of_ours(string target)
    {
        using var http = keyed.Browser();
        using var answer = await SignInAsync(http, keyed.Operator, target);
        Assert.Equal("/dashboard", answer.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task A_cookie_that_was_changed_is_none()
    {
        using var http = keyed.Browser();
        using var answer = await SignInAsync(http, keyed.Reader);
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie")).Split(';')[0];
        var parts = cookie.Split('=', 2)[1].Split('.');
        var operators = Convert.ToBase64String("operator"u8).TrimEnd('=');
        foreach (var forged in new[] { $"{parts[0]}.{operators}.{parts[2]}.{parts[3]}.{parts[4]}", $"{parts[0]}.{parts[1]}.{long.Parse(parts[2]) + 1}.{parts[3]}.{parts[4]}", $"form.{parts[1]}.{parts[2]}.{parts[3]}.{parts[4]}", "key....", "key.!.9.9.9", $"key.{operators}.99999999999999999999.n.m", new string('a', 5_000) })
        {
            using var other = keyed.Browser();
            other.DefaultRequestHeaders.Add("Cookie", $"weir-dashboard={forged}");
            using var page = await other.GetAsync("dashboard");
            Assert.Equal(HttpStatusCode.SeeOther, page.StatusCode);
        }
    }

    [Fact]
    public async Task Signing_out_takes_the_cookie_away()
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Reader);
        var token = TokenOf(await http.GetStringAsync("dashboard"));
        using var answer = await http.PostAsync("dashboard/sign-out", Form(("token", token)));
        Assert.Equal((HttpStatusCode.SeeOther, "/dashboard/sign-in"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
        using var again = await http.GetAsync("dashboard");
        Assert.Equal(HttpStatusCode.SeeOther, again.StatusCode);
    }

    [Fact]
    public async Task Every_answer_says_what_a_browser_may_do_with_it()
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Reader);
        foreach (var page in new[] { "dashboard", "dashboard/jobs", "dashboard/sign-in", "dashboard/no-such" })
        {
            using var answer = await http.GetAsync(page);
            string Header(string name) => Assert.Single(answer.Headers.TryGetValues(name, out var values) ? values : answer.Content.Headers.GetValues(name));
            Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self'", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Equal(("nosniff", "no-referrer", "no-store"), (Header("X-Content-Type-Options"), Header("Referrer-Policy"), Header("Cache-Control")));
        }
    }

    [Fact]
    public async Task A_form_without_the_token_of_its_session_does_nothing()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        var id = await alpha.SubmitAsync("probe", new { }, more: new { delay = "PT1H" });
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Everything);
        using var other = keyed.Browser();
        await SignInAsync(other, keyed.Everything);
        var anothers = TokenOf(await other.GetStringAsync("dashboard"));
        foreach (var token in new[] { null, "", "x", anothers, new string('x', 2_000) })
        {
            using var answer = await http.PostAsync($"dashboard/jobs/{id}/cancel", Form(("token", token ?? ""), ("reason", "forged")));
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.Contains("The form is too old", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        using (var foreign = new HttpRequestMessage(HttpMethod.Post, $"dashboard/jobs/{id}/cancel") { Content = Form(("token", TokenOf(await http.GetStringAsync("dashboard")))) })
        {
            foreign.Headers.Add("Sec-Fetch-Site", "cross-site");
            using var answer = await http.SendAsync(foreign);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }
        Assert.Equal("scheduled", (await alpha.GetAsync($"api/jobs/{id}").ContinueWith(got => got.Result.ReadJsonAsync()).Unwrap()).GetProperty("state").GetString());

        using var done = await http.PostAsync($"dashboard/jobs/{id}/cancel", Form(("token", TokenOf(await http.GetStringAsync("dashboard"))), ("reason", "meant")));
        Assert.Equal((HttpStatusCode.SeeOther, $"/dashboard/jobs/{id}?did=cancelled"), (done.StatusCode, done.Headers.Location?.OriginalString));
        var job = await alpha.FinalAsync(id);
        Assert.Equal(("cancelled", "meant", "everything"), (job.GetProperty("state").GetString(), job.GetProperty("cancelReason").GetString(), job.GetProperty("cancelledBy").GetString()));
    }

    [Fact]
    public async Task A_reader_sees_and_does_nothing()
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Reader);
        var page = await http.GetStringAsync("dashboard/controls");
        Assert.Contains("This takes the scope <code>operate</code>", page, StringComparison.Ordinal);
        using var answer = await http.PostAsync("dashboard/controls", Form(("token", TokenOf(page)), ("kind", "queue"), ("name", "bulk"), ("reason", "because")));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        using var everything = keyed.Everything.Client(keyed.Weir);
        Assert.DoesNotContain("because", await everything.GetStringAsync("api/controls"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_only_submit_sees_nothing()
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Submitter);
        using var answer = await http.GetAsync("dashboard");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task What_is_another_tenants_is_on_no_page()
    {
        using var alpha = keyed.Alpha.Client(keyed.Weir);
        var id = await alpha.SubmitAsync("probe", new { note = "alphas-own" }, key: "alphas-key", more: new { correlationId = "alphas-correlation" });
        await alpha.FinalAsync(id);
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.BetaOperator);
        foreach (var page in new[] { "dashboard", "dashboard/jobs", $"dashboard/jobs?q={id}", "dashboard/jobs?q=alphas-key&type=probe", "dashboard/jobs?q=alphas-key&tenant=alpha", "dashboard/jobs?tenant=alpha", $"dashboard/jobs/{id}", "dashboard/workflows", "dashboard/dead-letters?tenant=alpha", "dashboard/schedules/alpha/nightly", "dashboard/audit" })
        {
            using var answer = await http.GetAsync(page);
            var html = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotContain("alphas-own", html, StringComparison.Ordinal);
            Assert.DoesNotContain("alphas-correlation", html, StringComparison.Ordinal);
            Assert.DoesNotContain($"href=\"/dashboard/jobs/{id}\"", html, StringComparison.Ordinal);
        }
        var token = TokenOf(await http.GetStringAsync("dashboard"));
        using var cancel = await http.PostAsync($"dashboard/jobs/{id}/cancel", Form(("token", token)));
        Assert.Equal(HttpStatusCode.NotFound, cancel.StatusCode);
        using var pause = await http.PostAsync("dashboard/controls", Form(("token", token), ("kind", "tenant"), ("name", "alpha"), ("reason", "not mine")));
        Assert.Equal(HttpStatusCode.Forbidden, pause.StatusCode);
    }

    [Theory]
    [InlineData("dashboard/jobs?cursor=%00")]
    [InlineData("dashboard/jobs?state=nonsense&from=yesterday&to=%3Cscript%3E")]
    [InlineData("dashboard/dead-letters?cursor=xyz&fingerprint=nonsense")]
    [InlineData("dashboard/batches?cursor=nonsense")]
    [InlineData("dashboard/schedules?cursor=zz")]
    [InlineData("dashboard/audit?cursor=zz")]
    [InlineData("dashboard/replays?cursor=zz")]
    [InlineData("dashboard/capacity?arrivalsPerSecond=many&serviceTime=long&sessions=-1")]
    [InlineData("dashboard/jobs/not-an-id")]
    [InlineData("dashboard/dead-letters/not-an-id")]
    [InlineData("dashboard/batches/not-an-id")]
    [InlineData("dashboard/replays/not-an-id")]
    [InlineData("dashboard/schedules/a/b")]
    [InlineData("dashboard/schedules/%3Cscript%3E/%22onload=")]
    [InlineData("dashboard/catalogue/nonsense")]
    [InlineData("dashboard/controls/nonsense/%3Cscript%3E")]
    [InlineData("dashboard/assets/../weir.css")]
    [InlineData("dashboard/assets/x/nonsense.js")]
    public async Task A_bad_address_is_answered_in_words(string page)
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Everything);
        using var answer = await http.GetAsync(page);
        Assert.True((int)answer.StatusCode is 200 or (>= 400 and < 500), $"{page}: {answer.StatusCode}");
        Assert.DoesNotContain("<script>", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dashboard/no/such/deed", 404)]
    [InlineData("dashboard/jobs/not-an-id/cancel", 404)]
    [InlineData("dashboard/batches/not-an-id/explode", 404)]
    [InlineData("dashboard/replays/not-an-id/stop", 404)]
    [InlineData("dashboard/dead-letters/replay", 404)]
    [InlineData("dashboard/controls", 404)]
    public async Task A_bad_deed_is_answered_in_words(string path, int status)
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Everything);
        using var answer = await http.PostAsync(path, Form(("token", TokenOf(await http.GetStringAsync("dashboard"))), ("kind", "nonsense"), ("type", "nothing.died")));
        Assert.True((int)answer.StatusCode == status || (status == 404 && (int)answer.StatusCode is 200 or 422 or 400), $"{path}: {answer.StatusCode}");
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_form_that_is_none_is_refused()
    {
        using var http = keyed.Browser();
        await SignInAsync(http, keyed.Everything);
        using var json = await http.PostAsync("dashboard/controls", new StringContent("{}", System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, json.StatusCode);
        using var large = await http.PostAsync("dashboard/controls", new FormUrlEncodedContent([KeyValuePair.Create("reason", new string('x', 4_000_000))]));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
    }

    private static async Task<HttpResponseMessage> SignInAsync(HttpClient http, ApiKey key, string to = "/dashboard") => await http.PostAsync("dashboard/sign-in", Form(("key", key.Text), ("return", to)));

    private static FormUrlEncodedContent Form(params (string Name, string Value)[] fields) => new(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));

    private static string TokenOf(string html) => Token().Match(html).Groups["token"].Value;

    [GeneratedRegex("name=\"token\" value=\"(?<token>[^\"]+)\"")]
    private static partial Regex Token();
}

/// <summary>One instance with keys of all kinds.</summary>
public sealed class KeyedWeir : IAsyncLifetime
{
    private readonly DataFolder data = new();

    internal ApiKey Alpha { get; } = new("alpha", "alpha", "submit read");

    internal ApiKey BetaOperator { get; } = new("beta", "beta", "submit read operate");

    internal ApiKey Everything { get; } = new("everything", "*", "submit read operate");

    internal ApiKey Submitter { get; } = new("submitter", "alpha", "submit");

    internal ApiKey Reader { get; } = new("reader", "alpha", "read");

    internal ApiKey Operator { get; } = new("operator", "alpha", "read operate");

    internal WeirProcess Weir { get; private set; } = null!;

    /// <summary>With cookies of its own, and going nowhere by itself.</summary>
    internal HttpClient Browser() => new(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Weir.Http.BaseAddress };

    public async ValueTask InitializeAsync() => Weir = await WeirProcess.StartAsync(data, [.. new[] { Alpha, BetaOperator, Everything, Submitter, Reader, Operator }.SelectMany(key => key.Settings)]);

    public async ValueTask DisposeAsync()
    {
        if (Weir is not null)
            await Weir.DisposeAsync();
        data.Dispose();
    }
}
