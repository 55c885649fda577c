using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Weir.Catalog;
using Weir.Testing.Faults;

namespace Weir.Testing;

/// <summary>
/// A service that jobs call over HTTP, played by the test: it remembers what it was asked, answers as it is told, and fails as it is told. Give it to a typed client with
/// <see cref="FakeServices.UseFake{TClient}"/>.
/// </summary>
public sealed class FakeService
{
    private readonly List<FakeRequest> requests = [];
    private readonly List<(Fault Fault, HttpStatusCode Status, TimeSpan? RetryAfter)> faults = [];
    private Func<FakeRequest, object?> answer = static _ => new { };

    /// <summary>What it has done, the first first: what it refused is not among them, what it did and did not answer is.</summary>
    public IReadOnlyList<FakeRequest> Requests => [.. requests];

    /// <summary>Requests whose path contains this.</summary>
    public IReadOnlyList<FakeRequest> RequestsTo(string path) => [.. requests.Where(request => request.Path.Contains(path, StringComparison.OrdinalIgnoreCase))];

    /// <summary>What it answers with, written as JSON. An empty object unless told.</summary>
    public FakeService Answers(Func<FakeRequest, object?> with)
    {
        answer = with;
        return this;
    }

    /// <summary>It does nothing, and says so.</summary>
    /// <param name="status">503 unless told.</param>
    /// <param name="times">So many requests.</param>
    /// <param name="on">Only those whose path contains this.</param>
    /// <param name="retryAfter">Said in the answer.</param>
    public void Refuse(HttpStatusCode status = HttpStatusCode.ServiceUnavailable, int times = 1, string? on = null, TimeSpan? retryAfter = null) => faults.Add((new Fault(FaultKind.Refuse, times, on), status, retryAfter));

    /// <summary>It does what it is asked, and the connection breaks before it answers.</summary>
    public void LoseAnswer(int times = 1, string? on = null) => faults.Add((new Fault(FaultKind.LoseAnswer, times, on), default, null));

    /// <summary>It takes that long, in virtual time.</summary>
    public void BeSlow(TimeSpan by, int times = 1, string? on = null) => faults.Add((new Fault(FaultKind.BeSlow, times, on, by), default, null));

    public void Recover() => faults.Clear();

    /// <summary>A way to it, for an HttpClient that is made by hand.</summary>
    public HttpMessageHandler Handler(TimeProvider clock) => new Connection(this, clock);

    private sealed class Connection(FakeService service, TimeProvider clock) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
        {
            var path = request.RequestUri!.AbsolutePath;
            var (fault, status, retryAfter) = service.faults.Find(one => one.Fault.Concerns(path));
            if (fault is not null)
                fault.Left--;
            if (fault is { Kind: FaultKind.BeSlow })
                await Task.Delay(fault.By, clock, cancellation);
            if (fault is { Kind: FaultKind.Refuse })
            {
                var refusal = new HttpResponseMessage(status) { RequestMessage = request };
                refusal.Headers.RetryAfter = retryAfter is { } wait ? new(wait) : null;
                return refusal;
            }
            var text = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellation);
            var asked = new FakeRequest(request.Method.Method, path, text, request.Headers.ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase), clock.GetUtcNow());
            service.requests.Add(asked);
            var done = service.answer(asked);
            if (fault is { Kind: FaultKind.LoseAnswer })
                throw new HttpRequestException(HttpRequestError.ResponseEnded, "The response ended prematurely (as the test wants it).");
            return new HttpResponseMessage(HttpStatusCode.OK) { RequestMessage = request, Content = JsonContent.Create(done, done?.GetType() ?? typeof(object), options: ContractJson.Options) };
        }
    }
}

/// <summary>A request that a <see cref="FakeService"/> has had.</summary>
public sealed record FakeRequest(string Method, string Path, string Text, IReadOnlyDictionary<string, string> Headers, DateTimeOffset At)
{
    /// <summary>The body as JSON.</summary>
    public JsonElement Body => JsonElement.Parse(Text);

    public string? Header(string name) => Headers.GetValueOrDefault(name);
}

public static class FakeServices
{
    /// <summary>Has a typed client of <c>AddHttpClient</c> call the fake, whatever it was configured to call.</summary>
    public static WeirBuilder UseFake<TClient>(this WeirBuilder app, FakeService fake) where TClient : class
    {
        app.Services.AddHttpClient<TClient>(http => http.BaseAddress ??= new Uri("http://fake.test/")).ConfigurePrimaryHttpMessageHandler(services => fake.Handler(services.GetRequiredService<TimeProvider>()));
        return app;
    }
}
