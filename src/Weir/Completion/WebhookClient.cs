using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Weir.Completion;

/// <summary>
/// Sends webhooks. The address is looked up here and connected to as it was looked up, so that none is called that was not checked, whatever
/// the name says a moment later; redirects are not followed, because they would lead round that.
/// </summary>
internal sealed class WebhookClient : IDisposable
{
    /// <summary>The standard advises 15 to 30 s; a lane waits meanwhile.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(4);

    private readonly CallbackUrls urls;
    private readonly WebhookSecrets secrets;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    /// <param name="urls">Where webhooks may go.</param>
    /// <param name="secrets">What they are signed with.</param>
    /// <param name="clock">Time.</param>
    /// <param name="network">Another network than the machine's; nobody registers one but the simulation.</param>
    public WebhookClient(CallbackUrls urls, WebhookSecrets secrets, TimeProvider clock, WebhookNetwork? network = null)
    {
        (this.urls, this.secrets, this.clock) = (urls, secrets, clock);
        http = new HttpClient(network?.Handler ?? Sockets()) { Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Weir", "1"));
    }

    /// <returns>The status with which the other side took it: 2xx.</returns>
    /// <param name="id">The same on every try, by which the receiver knows a repetition.</param>
    /// <param name="tenant">Whose secrets sign.</param>
    /// <param name="url">Where to.</param>
    /// <param name="body">The JSON, sent as it is.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="TransientException">Not taken; a later try may be.</exception>
    /// <exception cref="PermanentException">It will never be taken.</exception>
    public async Task<int> PostAsync(string id, string tenant, string url, string body, CancellationToken cancellation)
    {
        if (urls.Refuse(url, tenant) is { } wrong)
            throw new PermanentException(wrong);

        var address = new Uri(url);
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        var timestamp = clock.GetUtcNow().ToUnixTimeSeconds();
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp.ToString(System.Globalization.CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSecrets.Sign(secrets.Of(tenant), id, timestamp, body));

        using var late = new CancellationTokenSource(Limit, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ended.Token);
            return response.IsSuccessStatusCode ? (int)response.StatusCode : throw Refused(response, address.Host);
        }
        catch (HttpRequestException failed) when (failed.InnerException is PermanentException privateAddress)
        {
            throw new PermanentException(privateAddress.Message);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new TransientException($"{address.Host} did not answer the webhook within {Limit.TotalSeconds:0} s.");
        }
    }

    public void Dispose() => http.Dispose();

    private Exception Refused(HttpResponseMessage response, string host)
    {
        var status = (int)response.StatusCode;
        if (response.StatusCode == HttpStatusCode.Gone)
            return new PermanentException($"{host} answered 410: it wants no more webhooks here.");
        // Everything else is the receiver's to mend, a 404 in the middle of a deployment and a redirect included; the policy says how long we wait for that.
        return new TransientException($"{host} answered the webhook with {status}; 2xx was expected, and redirects are not followed.", status is 429 or 503 ? RetryAfter(response) : null);
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var header = response.Headers.RetryAfter;
        var wait = header?.Delta ?? header?.Date - clock.GetUtcNow();
        return wait is not { } asked ? null
            : asked < TimeSpan.Zero ? TimeSpan.Zero
            : asked > LongestRetryAfter ? LongestRetryAfter
            : asked;
    }

    private SocketsHttpHandler Sockets() => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false, // a proxy would do the looking up
        UseCookies = false,
        MaxConnectionsPerServer = 16,
        MaxResponseHeadersLength = 16,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        ConnectCallback = ConnectAsync,
    };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellation);
        // One private address among public ones is how a name is bent to what lies inside: such a name is not called at all.
        if (!urls.AllowPrivate && !Array.TrueForAll(addresses, PublicAddresses.Include))
            throw new PermanentException($"{host} leads to a private address, which webhooks may not call.");

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>The network under webhooks, where it is not the machine's.</summary>
internal sealed record WebhookNetwork(HttpMessageHandler Handler);
