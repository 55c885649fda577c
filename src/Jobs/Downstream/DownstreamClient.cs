using System.Net.Http.Json;

namespace Jobs.Downstream;

/// <summary>Calls the services that the sample jobs depend on. In development these are <see cref="SimulatedServices"/>.</summary>
public sealed class DownstreamClient(HttpClient http)
{
    /// <exception cref="HttpRequestException">The service refused or could not be reached; its status says whether a later try may help.</exception>
    public async Task<DownstreamAnswer> CallAsync(string service, object body, string idempotencyKey, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"sim/{service}") { Content = JsonContent.Create(body, body.GetType()) };
        request.Headers.Add("Idempotency-Key", idempotencyKey);
        using var response = await http.SendAsync(request, cancellation);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<DownstreamAnswer>(cancellation)
            ?? throw new HttpRequestException($"The service '{service}' answered with nothing.");
    }
}

/// <param name="Reference">What the service calls the thing that it made.</param>
public sealed record DownstreamAnswer(string Reference);
