using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Infra.Tests;

/// <summary>Plays the apps of an environment for the deployment scripts, and writes down what they were asked, in its order.</summary>
internal sealed class AppStub : IAsyncDisposable
{
    private readonly WebApplication server;
    private readonly string log;
    private readonly Lock writing = new();

    private AppStub(string log)
    {
        this.log = log;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        server = builder.Build();
        server.Run(AnswerAsync);
    }

    public string Address => server.Urls.Single();

    /// <summary>What a request "METHOD /path" is answered with; 200 otherwise.</summary>
    public ConcurrentDictionary<string, (int Status, string Body)> Answers { get; } = new(StringComparer.Ordinal);

    public static async Task<AppStub> StartAsync(string log)
    {
        var stub = new AppStub(log);
        await stub.server.StartAsync();
        return stub;
    }

    public async ValueTask DisposeAsync() => await server.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var asked = $"{context.Request.Method} {context.Request.Path}";
        lock (writing)
            File.AppendAllText(log, asked + "\n");
        var (status, body) = Answers.GetValueOrDefault(asked, (200, "{}"));
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }
}
