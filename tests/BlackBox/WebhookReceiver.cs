using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>The other side of a webhook: a real HTTP server, which answers as a test tells it to and keeps what came.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly List<Delivery> deliveries = [];
    private readonly Func<int, Answer> answer;
    private readonly OtherSide server;

    /// <param name="answer">The answer to the first, second, … request; 204 unless set.</param>
    /// <param name="host">The name in the address; it listens on every interface.</param>
    public WebhookReceiver(Func<int, Answer>? answer = null, string host = "127.0.0.1")
    {
        this.answer = answer ?? (_ => new Answer(204));
        server = new OtherSide(AnswerAsync);
        Url = $"http://{host}:{server.Port}/hook";
    }

    public string Url { get; }

    public IReadOnlyList<Delivery> Deliveries
    {
        get
        {
            lock (deliveries)
                return [.. deliveries];
        }
    }

    public async Task<IReadOnlyList<Delivery>> UntilAsync(int count)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (Deliveries.Count < count)
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"Expected {count} webhooks, got {Deliveries.Count}.");
            await Task.Delay(20);
        }
        return Deliveries;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
        var delivery = new Delivery(
            context.Request.Url!.PathAndQuery, context.Request.Headers["webhook-id"]!, context.Request.Headers["webhook-timestamp"]!,
            context.Request.Headers["webhook-signature"]!, await reader.ReadToEndAsync(), TimeProvider.System.GetTimestamp());
        int count;
        lock (deliveries)
        {
            deliveries.Add(delivery);
            count = deliveries.Count;
        }
        var (status, header, value) = answer(count);
        context.Response.StatusCode = status;
        if (header is not null)
            context.Response.Headers[header] = value;
    }
}

internal sealed record Answer(int Status, string? Header = null, string? Value = null);

internal sealed record Delivery(string Path, string Id, string Timestamp, string Signature, string Body, long At)
{
    /// <summary>As the documentation tells receivers to verify it.</summary>
    public bool IsSignedBy(string secret)
    {
        var expected = HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{Id}.{Timestamp}.{Body}"));
        return Signature.Split(' ').Any(one => one.StartsWith("v1,", StringComparison.Ordinal) && CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(one[3..]), expected));
    }

    public JsonElement Json => JsonElement.Parse(Body);
}
