using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Cli;

/// <summary>The HTTP API of one server: sends, and turns what came back into an answer, a refusal, or the news that nobody is there.</summary>
internal sealed class WeirServer : IDisposable
{
    /// <summary>Longer than the longest wait that the server allows, 30 s.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly HttpClient http;

    public WeirServer(Uri address, string? key, string? tenant, int connections = 16)
    {
        Address = address;
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, MaxConnectionsPerServer = connections, ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            BaseAddress = address,
            Timeout = Patience,
        };
        if (key is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (tenant is not null)
            http.DefaultRequestHeaders.TryAddWithoutValidation("Weir-Tenant", tenant);
    }

    public Uri Address { get; }

    public Task<Answer> GetAsync(string path, CancellationToken cancellation) => SendAsync(HttpMethod.Get, path, null, cancellation);

    public Task<Answer> PostAsync(string path, JsonElement? body, CancellationToken cancellation, params (string Name, string? Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, Content(body), cancellation, headers);

    public Task<Answer> PutAsync(string path, JsonElement body, CancellationToken cancellation) => SendAsync(HttpMethod.Put, path, Content(body), cancellation);

    public Task<Answer> DeleteAsync(string path, CancellationToken cancellation) => SendAsync(HttpMethod.Delete, path, null, cancellation);

    /// <exception cref="RefusedException">The answer is a problem.</exception>
    /// <exception cref="NotReachableException">There is no answer, or none that Weir would give.</exception>
    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation, params (string Name, string? Value)[] headers)
    {
        var answer = await TrySendAsync(method, path, content, cancellation, headers);
        return answer.Status is >= 200 and < 300 ? answer : throw new RefusedException(answer.Status, answer.Body, answer.RetryAfter);
    }

    /// <summary>As <see cref="SendAsync"/>; a refusal is an answer too.</summary>
    public async Task<Answer> TrySendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation, params (string Name, string? Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
        {
            if (value is not null)
                request.Headers.TryAddWithoutValidation(name, value);
        }
        try
        {
            using var response = await http.SendAsync(request, cancellation);
            var text = await response.Content.ReadAsStringAsync(cancellation);
            return new Answer((int)response.StatusCode, Read(text, response), RetryAfter(response));
        }
        catch (HttpRequestException nobody)
        {
            throw new NotReachableException($"{Address} does not answer: {nobody.Message}", nobody);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new NotReachableException($"{Address} did not answer within {Patience.TotalSeconds:0} s.", late);
        }
    }

    public void Dispose() => http.Dispose();

    public static StringContent? Content(JsonElement? body) => body is { } json ? new StringContent(json.Compact(), Encoding.UTF8, "application/json") : null;

    private JsonElement Read(string text, HttpResponseMessage response)
    {
        if (text.Length == 0)
            return Json.Of(response.IsSuccessStatusCode ? new { } : new { title = response.ReasonPhrase, status = (int)response.StatusCode, code = "noBody", detail = "The server gave no reason." });
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            throw new NotReachableException($"{Address} answered {(int)response.StatusCode} with something that is not JSON: is it a Weir?");
        }
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Retry-After", out var values) && int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : null;
}

internal sealed record Answer(int Status, JsonElement Body, TimeSpan? RetryAfter);
