using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace Contract.Tests.Functions;

public sealed class HttpTriggerTests
{
    [Fact]
    public async Task Route_values_reach_the_parameters_of_their_name_in_their_type()
    {
        await using var host = await TestHost.StartAsync([typeof(Routed)]);

        Assert.Equal("acme 7 11111111-2222-3333-4444-555555555555", await host.Client.GetStringAsync("api/typed/acme/7/11111111-2222-3333-4444-555555555555"));
        Assert.Equal("none 1", await host.Client.GetStringAsync("api/optional"));
        Assert.Equal("a/b/c", await host.Client.GetStringAsync("api/files/a/b/c"));
    }

    [Fact]
    public async Task A_route_constraint_that_does_not_hold_is_404_and_a_value_that_does_not_convert_500()
    {
        await using var host = await TestHost.StartAsync([typeof(Routed)]);

        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("api/typed/acme/seven/11111111-2222-3333-4444-555555555555")).StatusCode);
        Assert.Equal(HttpStatusCode.InternalServerError, (await host.Client.GetAsync("api/typed/acme/7/not-a-guid")).StatusCode);
    }

    [Theory]
    [InlineData("GET", "api/nothing")]
    [InlineData("POST", "api/optional")]
    [InlineData("GET", "Default")]
    public async Task An_unknown_route_or_method_is_an_empty_404(string method, string path)
    {
        await using var host = await TestHost.StartAsync([typeof(Routed)]);

        var answer = await host.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Without_a_route_it_is_the_functions_name_without_methods_all_of_them()
    {
        await using var host = await TestHost.StartAsync([typeof(Routed)]);

        Assert.Equal("PATCH", await (await host.Client.PatchAsync("api/default", null)).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Overlapping_routes_are_tried_in_the_order_of_the_functions_names_as_in_Azure()
    {
        await using var host = await TestHost.StartAsync([typeof(Overlapping)]);

        Assert.Equal("A: recent", await host.Client.GetStringAsync("api/items/recent"));
        Assert.Equal("Y", await host.Client.GetStringAsync("api/things/recent"));
    }

    [Fact]
    public async Task The_route_prefix_comes_from_host_json()
    {
        await using var host = await TestHost.StartAsync(
            [typeof(Routed)], new TestHostOptions { HostJson = """{ "version": "2.0", "extensions": { "http": { "routePrefix": "" } } }""" });

        Assert.Equal("GET", await host.Client.GetStringAsync("Default"));
    }

    [Fact]
    public async Task Results_of_ASP_NET_Core_are_written()
    {
        await using var host = await TestHost.StartAsync([typeof(Answers)]);

        var json = await host.Client.GetAsync("api/json");
        Assert.Equal(HttpStatusCode.Accepted, json.StatusCode);
        Assert.Equal("application/json", json.Content.Headers.ContentType!.MediaType);
        Assert.Equal(5, (await json.Content.ReadFromJsonAsync<Dictionary<string, int>>())!["five"]);

        var mvc = await host.Client.GetAsync("api/mvc");
        Assert.Equal(HttpStatusCode.Created, mvc.StatusCode);
        Assert.Equal("""{"six":6}""", await mvc.Content.ReadAsStringAsync());

        Assert.Equal("by hand", await host.Client.GetStringAsync("api/byhand"));
    }

    [Fact]
    public async Task Nothing_is_sent_of_other_results_as_in_Azure_but_a_line_says_so()
    {
        await using var host = await TestHost.StartAsync([typeof(Answers)]);

        var answer = await host.Client.GetAsync("api/poco");

        Assert.Equal((HttpStatusCode.OK, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.Contains(host.Log.Lines, line => line.Contains("'Poco' returned a Tuple", StringComparison.Ordinal));
        var nothing = await host.Client.GetAsync("api/nothing");
        Assert.Equal((HttpStatusCode.OK, ""), (nothing.StatusCode, await nothing.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_function_that_throws_answers_an_empty_500_and_is_logged_by_name()
    {
        await using var host = await TestHost.StartAsync([typeof(Answers)]);

        var answer = await host.Client.GetAsync("api/throws");

        Assert.Equal((HttpStatusCode.InternalServerError, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.Contains(host.Log.Lines, line => line.StartsWith("Error: Function 'Throws' failed", StringComparison.Ordinal) && line.EndsWith("no luck", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_fires_when_the_client_hangs_up()
    {
        var probe = new Probe();
        await using var host = await TestHost.StartAsync([typeof(Waiting)], new TestHostOptions { Configure = builder => builder.Services.AddSingleton(probe) });
        using var impatient = new CancellationTokenSource();

        var request = host.Client.GetAsync("api/wait", impatient.Token);
        await probe.Until("waits");
        impatient.Cancel();

        await probe.Until("cancelled");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
    }

    [Fact]
    public async Task Requests_beyond_maxOutstandingRequests_get_an_empty_429()
    {
        var probe = new Probe();
        await using var host = await TestHost.StartAsync([typeof(Waiting)], new TestHostOptions
        {
            HostJson = """{ "version": "2.0", "extensions": { "http": { "maxOutstandingRequests": 2, "maxConcurrentRequests": 1 } } }""",
            Configure = builder => builder.Services.AddSingleton(probe),
        });

        var running = host.Client.GetAsync("api/gated/1");
        await probe.Until("gated 1");
        Task<HttpResponseMessage>[] others = [host.Client.GetAsync("api/gated/2"), host.Client.GetAsync("api/gated/3")];
        var refused = await await Task.WhenAny(others);

        Assert.Equal((HttpStatusCode.TooManyRequests, ""), (refused.StatusCode, await refused.Content.ReadAsStringAsync()));
        Assert.Equal(["gated 1"], probe.Seen);
        probe.Open("go");
        Assert.Equal(HttpStatusCode.OK, (await running).StatusCode);
        Assert.Single(await Task.WhenAll(others), answer => answer.StatusCode == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Port_0_takes_a_free_one_on_loopback_and_the_log_says_which()
    {
        await using var host = await TestHost.StartAsync([typeof(Routed)]);

        Assert.Contains(host.Log.Lines, line => line.StartsWith($"Information: Listening on http://localhost:{host.Client.BaseAddress!.Port}, data in ", StringComparison.Ordinal));
        Assert.Contains("Information: Functions: 4 HTTP", host.Log.Lines);
    }

    public sealed class Routed
    {
        [Function("Typed")]
        public static IResult Typed(
            [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "typed/{tenant}/{count:int}/{id}")] HttpRequest request, string tenant, int count, Guid id) =>
            Results.Text($"{tenant} {count} {id}");

        [Function("Optional")]
        public static IResult Optional([HttpTrigger("get", Route = "optional/{name?}/{page=1}")] HttpRequest request, string? name, int page) =>
            Results.Text($"{name ?? "none"} {page}");

        [Function("Files")]
        public static IResult Files([HttpTrigger("get", Route = "files/{*path}")] HttpRequest request, string path) => Results.Text(path);

        [Function("Default")]
        public static IResult Default([HttpTrigger] HttpRequest request) => Results.Text(request.Method);
    }

    public sealed class Overlapping
    {
        [Function("A")]
        public static IResult One([HttpTrigger("get", Route = "items/{id}")] HttpRequest request, string id) => Results.Text($"A: {id}");

        [Function("B")]
        public static IResult Recent([HttpTrigger("get", Route = "items/recent")] HttpRequest request) => Results.Text("B");

        [Function("Z")]
        public static IResult Thing([HttpTrigger("get", Route = "things/{id}")] HttpRequest request, string id) => Results.Text($"Z: {id}");

        [Function("Y")]
        public static IResult RecentThing([HttpTrigger("get", Route = "things/recent")] HttpRequest request) => Results.Text("Y");
    }

    public sealed class Answers
    {
        [Function("Json")]
        public static async Task<IResult> Json([HttpTrigger("get")] HttpRequest request)
        {
            await Task.Yield();
            return Results.Accepted(value: new { five = 5 });
        }

        [Function("Mvc")]
        public static Task<IActionResult> Mvc([HttpTrigger("get")] HttpRequest request) =>
            Task.FromResult<IActionResult>(new ObjectResult(new { Six = 6 }) { StatusCode = StatusCodes.Status201Created });

        [Function("ByHand")]
        public static Task ByHand([HttpTrigger("get")] HttpRequest request) => request.HttpContext.Response.WriteAsync("by hand");

        [Function("Poco")]
        public static object Poco([HttpTrigger("get")] HttpRequest request) => Tuple.Create(1);

        [Function("Nothing")]
        public static IResult? Nothing([HttpTrigger("get")] HttpRequest request) => null;

        [Function("Throws")]
        public static IResult Throws([HttpTrigger("get")] HttpRequest request) => throw new InvalidOperationException("no luck");
    }

    public sealed class Waiting(Probe probe)
    {
        [Function("Wait")]
        public async Task Wait([HttpTrigger("get")] HttpRequest request, CancellationToken cancellation)
        {
            probe.See("waits");
            try
            {
                await Task.Delay(TestHost.Patience, cancellation);
            }
            catch (OperationCanceledException)
            {
                probe.See("cancelled");
                throw;
            }
        }

        [Function("Gated")]
        public async Task Gated([HttpTrigger("get", Route = "gated/{number}")] HttpRequest request, string number)
        {
            probe.See($"gated {number}");
            await probe.Until("go");
        }
    }
}
