using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Weir.Shards;

/// <summary>Why a shard gave no answer.</summary>
internal enum ShardFailure
{
    /// <summary>No connection: nothing was asked of it.</summary>
    Unreachable,

    /// <summary>It was asked, and did not answer in time or to the end: nobody knows whether it was done.</summary>
    Unknown,

    /// <summary>This front waits for as many of its answers as it may: nothing was asked of it.</summary>
    Busy,

    /// <summary>What the client sent broke off, or came too slowly.</summary>
    Body,
}

/// <summary>
/// Sends a request on to a shard, with the caller's own credential, so that the shard decides for itself what he may do. Nothing is sent twice: what was not answered may have been
/// done. The bound for each shard keeps one that hangs from taking the front's connections and memory from the others.
/// </summary>
internal sealed partial class ShardCalls(HttpMessageInvoker http, TimeProvider clock, ILogger<ShardCalls> logger, int most = ShardCalls.Most)
{
    /// <summary>Requests that one front has at one shard. Each holds two buffers of 64 KiB at most.</summary>
    public const int Most = 1_000;

    /// <summary>What Azure's load balancer waits for an HTTP function at most.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(230);

    /// <summary>Of one hop only (RFC 9110, 7.6.1); what another client makes itself; and what App Service tells of a caller, which only its own front end may say.</summary>
    private static readonly HashSet<string> Dropped = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Host", "Content-Length",
    };

    /// <summary>On each request that a front sends on, so that one which is listed as a shard, perhaps its own, does not send it on for ever.</summary>
    public const string FromFront = "Weir-Front";

    private const string AppServicePrefix = "X-MS-";

    private static readonly UriCreationOptions AsItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private readonly Lock gate = new();
    private readonly Dictionary<string, int> running = new(StringComparer.Ordinal);

    /// <summary>Redirects, cookies and proxies are not a front's; encodings stay as they are. A connection is made anew every two minutes, for changed addresses.</summary>
    public static HttpMessageInvoker NewInvoker() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        ActivityHeadersPropagator = null, // a traceparent is handed on as any other header
        ConnectTimeout = TimeSpan.FromSeconds(3),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        MaxResponseHeadersLength = 64,
        RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.UTF8,
    });

    /// <summary>The request's path and query as they came: where one holds %25, what is decoded and encoded again is another.</summary>
    public static string TargetOf(HttpRequest request) =>
        request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget is ['/', ..] raw ? raw : UriHelper.BuildRelative(request.PathBase, request.Path, request.QueryString);

    /// <param name="shard">Who is asked.</param>
    /// <param name="request">Whose method and headers it takes.</param>
    /// <param name="target">Path and query, beginning with a slash.</param>
    /// <param name="body">What is sent; null: the request's own body as it comes.</param>
    /// <param name="limit">For the answer, to its last byte.</param>
    /// <param name="cancellation">Beside the client's hanging up.</param>
    /// <exception cref="OperationCanceledException">The client has gone, or <paramref name="cancellation"/> says so.</exception>
    public async Task<ShardAnswer> SendAsync(Shard shard, HttpRequest request, string target, ReadOnlyMemory<byte>? body, TimeSpan limit, CancellationToken cancellation)
    {
        if (!TryEnter(shard.Name))
        {
            LogBusy(shard.Name, most);
            return new ShardAnswer(shard, ShardFailure.Busy);
        }
        var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation, request.HttpContext.RequestAborted);
        var deadline = new CancellationTokenSource(limit, clock);
        var either = CancellationTokenSource.CreateLinkedTokenSource(gone.Token, deadline.Token);
        void End()
        {
            either.Dispose();
            deadline.Dispose();
            gone.Dispose();
            Leave(shard.Name);
        }
        try
        {
            using var message = MessageTo(shard, request, target, body);
            var response = await http.SendAsync(message, either.Token);
            return new ShardAnswer(shard, response, either.Token, End);
        }
        catch (Exception failure)
        {
            var isGone = gone.IsCancellationRequested;
            End();
            if (isGone)
                throw new OperationCanceledException("The client has gone.", failure);
            if (WhyOf(failure) is not { } why)
                throw;
            if (why != ShardFailure.Body)
                LogNoAnswer(shard.Name, why, failure);
            return new ShardAnswer(shard, why, failure);
        }
    }

    private static ShardFailure? WhyOf(Exception failure) => failure switch
    {
        _ when ShardBodyException.Of(failure) is not null => ShardFailure.Body,
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } => ShardFailure.Unreachable,
        HttpRequestException or IOException or OperationCanceledException => ShardFailure.Unknown,
        _ => null,
    };

    private HttpRequestMessage MessageTo(Shard shard, HttpRequest request, string target, ReadOnlyMemory<byte>? body)
    {
        // Put together as text: as a relative address, //elsewhere/ would be another host.
        Uri.TryCreate(shard.Address + target, AsItIs, out var address);
        var message = new HttpRequestMessage(HttpMethod.Parse(request.Method), address);
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            // Even an empty one: the handler repeats a request that has no content when a kept connection turns out to be closed.
            message.Content = body is { } whole ? new ReadOnlyMemoryContent(whole) : new StreamContent(new ShardBody(request, clock));
            message.Content.Headers.ContentLength = body?.Length ?? request.ContentLength ?? (HasBody(request) ? null : 0);
        }
        message.Headers.Add(FromFront, "1");
        var ofThisHop = request.Headers.GetCommaSeparatedValues("Connection");
        foreach (var (name, values) in request.Headers)
        {
            if (Dropped.Contains(name) || name.StartsWith(AppServicePrefix, StringComparison.OrdinalIgnoreCase) || ofThisHop.Contains(name, StringComparer.OrdinalIgnoreCase))
                continue;
            if (!message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                message.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        return message;
    }

    private static bool HasBody(HttpRequest request) => request.Headers.TransferEncoding.Count > 0 || request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    /// <summary>Whether a header of an answer is for the client, too.</summary>
    internal static bool IsHandedOn(string header) => !Dropped.Contains(header) || header.Equals("Content-Length", StringComparison.OrdinalIgnoreCase);

    private bool TryEnter(string shard)
    {
        lock (gate)
        {
            running.TryGetValue(shard, out var now);
            if (now >= most)
                return false;
            running[shard] = now + 1;
            return true;
        }
    }

    private void Leave(string shard)
    {
        lock (gate)
            running[shard]--;
    }

    [LoggerMessage(3901, LogLevel.Warning, "The shard {Shard} did not answer: {Why}")]
    private partial void LogNoAnswer(string shard, ShardFailure why, Exception failure);

    [LoggerMessage(3902, LogLevel.Warning, "The shard {Shard} was not asked: {Most} requests wait for it")]
    private partial void LogBusy(string shard, int most);
}
