using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weir.Api;

namespace Weir.Shards;

/// <summary>What a shard answered, still to be read; or why it did not. As a result it hands the answer on to the client as it comes.</summary>
internal sealed class ShardAnswer : IResult, IDisposable
{
    /// <summary>Of an answer that is put together from several: a page of 100 jobs is some 50 KB.</summary>
    private const int MaxJson = 32 * 1024 * 1024;

    private readonly CancellationToken limit;
    private Action? end;

    public ShardAnswer(Shard shard, HttpResponseMessage response, CancellationToken limit, Action end) => (Shard, Response, this.limit, this.end) = (shard, response, limit, end);

    public ShardAnswer(Shard shard, ShardFailure failure, Exception? cause = null) => (Shard, Failure, Cause) = (shard, failure, cause);

    public Shard Shard { get; }

    public HttpResponseMessage? Response { get; }

    /// <summary>There when <see cref="Response"/> is not.</summary>
    public ShardFailure Failure { get; }

    public Exception? Cause { get; }

    public int Status => Response is null ? 0 : (int)Response.StatusCode;

    /// <summary>It cannot say now: it did not answer, or said that it cannot.</summary>
    public bool IsDown => Response is null || Status >= 500;

    public bool IsSuccess => Response is { IsSuccessStatusCode: true };

    /// <summary>The whole answer as JSON.</summary>
    /// <exception cref="IOException">It broke off, took too long, is too large, or is no JSON object.</exception>
    public async Task<JsonObject> ReadAsync()
    {
        try
        {
            await using var body = await Response!.Content.ReadAsStreamAsync(limit);
            using var whole = new MemoryStream();
            var buffer = new byte[64 * 1024];
            int read;
            while ((read = await body.ReadAsync(buffer, limit)) > 0)
            {
                whole.Write(buffer, 0, read);
                if (whole.Length > MaxJson)
                    throw new IOException($"The shard {Shard.Name} answered with more than {MaxJson:N0} bytes.");
            }
            return JsonNode.Parse(whole.GetBuffer().AsSpan(0, (int)whole.Length)) as JsonObject ?? throw new IOException($"The shard {Shard.Name} did not answer with a JSON object.");
        }
        catch (Exception failure) when (failure is JsonException or HttpRequestException or OperationCanceledException)
        {
            throw new IOException($"The answer of the shard {Shard.Name} could not be read.", failure);
        }
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using (this)
        {
            if (Response is null)
            {
                await Problem.NoAnswer(this).ExecuteAsync(httpContext);
                return;
            }
            var to = httpContext.Response;
            to.StatusCode = Status;
            foreach (var (name, values) in Response.Headers.NonValidated.Concat(Response.Content.Headers.NonValidated))
            {
                if (ShardCalls.IsHandedOn(name))
                    to.Headers[name] = values.ToArray();
            }
            await CopyAsync(to);
        }
    }

    private async Task CopyAsync(HttpResponse to)
    {
        try
        {
            await using var body = await Response!.Content.ReadAsStreamAsync(limit);
            await body.CopyToAsync(to.Body, limit);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or OperationCanceledException)
        {
            to.HttpContext.Abort(); // what was sent is not whole, and the client must be able to tell
        }
    }

    public void Dispose()
    {
        Response?.Dispose();
        Interlocked.Exchange(ref end, null)?.Invoke();
    }
}
