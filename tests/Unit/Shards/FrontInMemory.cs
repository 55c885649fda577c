using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AzureLocal.Storage;
using Azure.Data.Tables;
using Contract.Tests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Weir.Shards;

namespace Unit.Tests.Shards;

/// <summary>A front over a table in memory, and shards that answer what a test says. Fronts that share a store are instances of one.</summary>
internal sealed class FrontInMemory : IAsyncDisposable
{
    /// <summary>Bound to the tenant acme.</summary>
    public const string Acme = "weir_acme";

    /// <summary>Of every tenant.</summary>
    public const string Everyone = "weir_everyone";

    private readonly ServiceProvider services;

    private FrontInMemory(ServiceProvider services, Store store) => (this.services, Store) = (services, store);

    public Store Store { get; }

    public ManualClock Clock => (ManualClock)services.GetRequiredService<TimeProvider>();

    public T Get<T>() where T : notnull => services.GetRequiredService<T>();

    public static async Task<FrontInMemory> StartAsync(FakeShards shards, Store? store = null, string[]? names = null, string[]? closed = null, int most = ShardCalls.Most)
    {
        store ??= Store.InMemory();
        var clock = new ManualClock();
        var configuration = Settings(names ?? ["a", "b", "c"], closed ?? []);
        var collection = new ServiceCollection();
        collection.AddLogging().AddSingleton<IConfiguration>(configuration).AddSingleton<IHostEnvironment>(new Environment());
        collection.AddSingleton<TimeProvider>(clock).AddSingleton(new TableServiceClient(store, clock));
        collection.AddWeirFront(configuration);
        collection.AddSingleton(new ShardCalls(new HttpMessageInvoker(shards), clock, NullLogger<ShardCalls>.Instance, most));
        var services = collection.BuildServiceProvider();
        foreach (var loop in services.GetServices<IHostedService>())
            await loop.StartAsync(CancellationToken.None);
        return new FrontInMemory(services, store);
    }

    public static IConfiguration Settings(string[] names, string[] closed) => new ConfigurationBuilder().AddInMemoryCollection(
    [
        .. names.SelectMany((name, i) => new KeyValuePair<string, string?>[]
        {
            new($"Weir:Shards:{i}:Name", name),
            new($"Weir:Shards:{i}:Url", $"https://{name}.example"),
            new($"Weir:Shards:{i}:Closed", closed.Contains(name) ? "true" : null),
        }),
        .. Key("acme", Acme, "acme"), .. Key("everyone", Everyone, "*"),
    ]).Build();

    /// <summary>What a client gets. A body is text, or a stream of no known length.</summary>
    public async Task<(int Status, JsonElement Body, IHeaderDictionary Headers)> SendAsync(string method, string target, string? key = Everyone, object? body = null, params (string Name, string Value)[] headers)
    {
        await using var scope = services.CreateAsyncScope();
        var http = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
        var parts = target.Split('?', 2);
        (http.Request.Method, http.Request.Path, http.Request.QueryString) = (method, PathString.FromUriComponent(parts[0]), new QueryString(parts.Length > 1 ? $"?{parts[1]}" : ""));
        http.Request.Host = new HostString("front.example");
        if (key is not null)
            http.Request.Headers.Authorization = $"Bearer {key}";
        http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target;
        if (body is not null)
        {
            http.Request.Body = body as Stream ?? new MemoryStream(Encoding.UTF8.GetBytes((string)body));
            (http.Request.ContentType, http.Request.ContentLength) = ("application/json", body is string ? http.Request.Body.Length : null);
            if (body is Stream)
                http.Request.Headers.TransferEncoding = "chunked";
        }
        foreach (var (name, value) in headers)
            http.Request.Headers[name] = value;
        using var answer = new MemoryStream();
        http.Response.Body = answer;
        await (await Get<ShardFront>().AnswerAsync(http.Request)).ExecuteAsync(http);
        return (http.Response.StatusCode, answer.Length == 0 ? default : JsonElement.Parse(answer.ToArray()), http.Response.Headers);
    }

    public async ValueTask DisposeAsync() => await services.DisposeAsync();

    private static KeyValuePair<string, string?>[] Key(string name, string text, string tenant) =>
    [
        new($"Weir:Keys:{name}:Hash", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)))),
        new($"Weir:Keys:{name}:Tenant", tenant),
        new($"Weir:Keys:{name}:Scopes", "submit read operate"),
    ];

    private sealed class Environment : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Production;

        public string ApplicationName { get; set; } = "Unit.Tests";

        public string ContentRootPath { get; set; } = "";

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}

/// <summary>What the shards say, and what they were asked.</summary>
internal sealed class FakeShards(Func<FakeShards.Request, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
{
    private readonly Lock gate = new();
    private readonly List<Request> asked = [];

    public FakeShards(Func<Request, (int Status, object? Body)> answer) : this((request, _) => Task.FromResult(Answer(answer(request))))
    {
    }

    public IReadOnlyList<Request> Asked
    {
        get
        {
            lock (gate)
                return [.. asked];
        }
    }

    public static HttpResponseMessage Answer((int Status, object? Body) answer) =>
        new((HttpStatusCode)answer.Status) { Content = answer.Body is null ? new ByteArrayContent([]) : new StringContent(JsonSerializer.Serialize(answer.Body), Encoding.UTF8, "application/json") };

    public static HttpRequestException Down() => new(HttpRequestError.ConnectionError, "Connection refused");

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var one = new Request(
            request.RequestUri!.Host.Split('.')[0], request.Method.Method, request.RequestUri.PathAndQuery, request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken),
            request.Headers.NonValidated.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase));
        lock (gate)
            asked.Add(one);
        return await answer(one, cancellationToken);
    }

    public sealed record Request(string Shard, string Method, string Target, string? Body, IReadOnlyDictionary<string, string> Headers);
}
