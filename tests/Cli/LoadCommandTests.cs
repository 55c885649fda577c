using System.Net;
using System.Text;

namespace Cli.Tests;

[Collection(OneWeir.Name)]
public sealed class LoadCommandTests(RunningWeir weir)
{
    private const string Times = "{count:number, maxMs:number, meanMs:number, p50Ms:number, p90Ms:number, p95Ms:number, p999Ms:number, p99Ms:number}";

    [Fact]
    public async Task Every_arrival_is_accounted_for_and_the_jobs_are_followed_to_their_ends()
    {
        var report = (await weir.RunAsync(
            "load", "--rate", "50", "--duration", "2s", "--payload", """{"sleepMs": 20}""", "--mix", "critical=1,default=5,bulk=4", "--tenants", "3", "--wait", "30s", "--sample", "40", "--seed", "1", "--json"))
            .Expect(ExitCode.Ok).Json;

        Assert.Equal(
            "{accepted:number, arrivals:number, failed:{}, gaveUp:number, inFlight:number, jobs:{endToEnd:@, followed:number, run:@, states:{succeeded:number}, wait:@}, latency:@, latencyOfAnswers:@, mostInFlight:number, notSent:number, refused:{}, requests:number, requestsPerSecond:number, seconds:number, waiting:number}"
                .Replace("@", Times),
            Shape.Of(report));
        Assert.InRange(report.GetProperty("arrivals").GetInt32(), 70, 130);
        Assert.Equal(report.GetProperty("arrivals").GetInt32(), report.GetProperty("accepted").GetInt32());
        Assert.Equal(40, report.GetProperty("jobs").GetProperty("states").GetProperty("succeeded").GetInt32());
        Assert.True(report.GetProperty("jobs").GetProperty("run").GetProperty("p50Ms").GetDouble() >= 20);
    }

    [Fact]
    public async Task Refusals_are_counted_by_code()
    {
        var report = (await weir.RunAsync("load", "--rate", "20", "--duration", "500ms", "--even", "--type", "nosuch")).Expect(ExitCode.Ok).Out;

        Assert.Contains("9 refused (unknownType 9)", report);
    }

    /// <summary>A server that stands still for a second: a closed loop would have sent one slow request; the open one has twenty late ones.</summary>
    [Fact]
    public async Task Latencies_count_from_the_moment_when_a_request_was_to_be_sent()
    {
        await using var server = new FakeServer(async (number, _) =>
        {
            if (number == 5)
                await Task.Delay(1_000);
            return (202, """{"id": "x"}""", null);
        }, oneAtATime: true);

        var report = (await server.LoadAsync("--rate", "20", "--duration", "2s", "--even", "--json")).Expect(ExitCode.Ok).Json;

        Assert.Equal(39, report.GetProperty("accepted").GetInt32());
        Assert.InRange(report.GetProperty("latency").GetProperty("p90Ms").GetDouble(), 500, 2_000);
        Assert.True(report.GetProperty("latency").GetProperty("maxMs").GetDouble() >= 950);
    }

    [Fact]
    public async Task Who_honours_Retry_After_comes_again_with_the_same_key()
    {
        var keys = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        await using var server = new FakeServer((_, request) =>
        {
            var key = request.Headers["Idempotency-Key"]!;
            return Task.FromResult(keys.AddOrUpdate(key, 1, (_, times) => times + 1) == 1 ? (429, """{"code": "saturated"}""", "1") : (202, """{"id": "x"}""", (string?)null));
        });

        var report = (await server.LoadAsync("--rate", "20", "--duration", "500ms", "--even", "--honour-retry-after", "--json")).Expect(ExitCode.Ok).Json;

        Assert.Equal((9, 18, 9, 9), (report.GetProperty("arrivals").GetInt32(), report.GetProperty("requests").GetInt32(), report.GetProperty("accepted").GetInt32(), report.GetProperty("refused").GetProperty("saturated").GetInt32()));
        Assert.Equal(9, keys.Count);
        Assert.True(report.GetProperty("seconds").GetDouble() >= 1.4);
    }

    [Fact]
    public async Task Arrivals_beyond_the_most_in_flight_are_counted_and_not_sent()
    {
        await using var server = new FakeServer(async (_, _) =>
        {
            await Task.Delay(700);
            return (202, """{"id": "x"}""", null);
        });

        var report = (await server.LoadAsync("--rate", "100", "--duration", "500ms", "--even", "--max-in-flight", "3", "--json")).Expect(ExitCode.Ok).Json;

        Assert.Equal((3, 3), (report.GetProperty("mostInFlight").GetInt32(), report.GetProperty("accepted").GetInt32()));
        Assert.Equal(report.GetProperty("arrivals").GetInt32() - 3, report.GetProperty("notSent").GetInt32());
    }

    [Fact]
    public async Task Interrupted_it_says_what_was_done()
    {
        using var interrupt = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var run = await CommandRun.OfAsync(["load", "--rate", "20", "--duration", "1h", "--json", "--server", $"{weir.Process.Http.BaseAddress}"], new Dictionary<string, string>(), "", interrupt.Token);

        Assert.InRange(run.Expect(ExitCode.Interrupted).Json.GetProperty("accepted").GetInt32(), 1, 100);
    }

    [Fact]
    public async Task Senseless_loads_are_refused_before_anything_is_sent()
    {
        (await weir.RunAsync("load")).Expect(ExitCode.Usage);
        (await weir.RunAsync("load", "--rate", "0", "--duration", "1s")).Expect(ExitCode.Usage);
        (await weir.RunAsync("load", "--rate", "1", "--duration", "soon")).Expect(ExitCode.Usage);
        (await weir.RunAsync("load", "--rate", "1", "--duration", "1s", "--mix", "slow=1")).Expect(ExitCode.Usage);
        Assert.Contains("--allow-remote", (await CommandRun.OfAsync("load", "--rate", "1", "--duration", "1s", "--server", "https://weir.example.org")).Expect(ExitCode.Usage).Error);
        (await CommandRun.OfAsync("load", "--rate", "20", "--duration", "200ms", "--server", "http://127.0.0.1:9")).Expect(ExitCode.NotReachable);
    }

    /// <summary>Answers as it is told, on loopback.</summary>
    private sealed class FakeServer : IAsyncDisposable
    {
        private readonly HttpListener listener = new();
        private readonly SemaphoreSlim turn = new(1);
        private readonly int port = BlackBox.Tests.WeirProcess.FreePort();
        private readonly Task serving;

        public FakeServer(Func<int, HttpListenerRequest, Task<(int Status, string Body, string? RetryAfter)>> answer, bool oneAtATime = false)
        {
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            listener.Start();
            serving = ServeAsync(answer, oneAtATime);
        }

        public Task<CommandRun> LoadAsync(params string[] args) => CommandRun.OfAsync(["load", .. args, "--server", $"http://127.0.0.1:{port}"]);

        public async ValueTask DisposeAsync()
        {
            listener.Close();
            await serving;
            turn.Dispose();
        }

        private async Task ServeAsync(Func<int, HttpListenerRequest, Task<(int Status, string Body, string? RetryAfter)>> answer, bool oneAtATime)
        {
            for (var number = 1; ; number++)
            {
                HttpListenerContext context;
                try
                {
                    context = await listener.GetContextAsync();
                }
                catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
                _ = AnswerAsync(context, number, answer, oneAtATime);
            }
        }

        private async Task AnswerAsync(HttpListenerContext context, int number, Func<int, HttpListenerRequest, Task<(int Status, string Body, string? RetryAfter)>> answer, bool oneAtATime)
        {
            if (oneAtATime)
                await turn.WaitAsync();
            try
            {
                var (status, body, retryAfter) = await answer(number, context.Request);
                context.Response.StatusCode = status;
                if (retryAfter is not null)
                    context.Response.Headers["Retry-After"] = retryAfter;
                context.Response.Close(Encoding.UTF8.GetBytes(body), willBlock: false);
            }
            finally
            {
                if (oneAtATime)
                    turn.Release();
            }
        }
    }
}
