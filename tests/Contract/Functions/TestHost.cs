using System.Collections.Concurrent;
using AzureLocal.Functions;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Contract.Tests.Functions;

/// <summary>A real host in this process: on a free port, with a data directory of its own unless it shares another's.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly FunctionsHost host;
    private readonly TestDirectory? owned;

    private TestHost(FunctionsHost host, TestDirectory? owned, LogLines log)
    {
        (this.host, this.owned, Log) = (host, owned, log);
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}/"), Timeout = Patience };
    }

    public HttpClient Client { get; }

    public LogLines Log { get; }

    public IServiceProvider Services => host.Services;

    public static FunctionsHost Build(Type[] functions, TestDirectory directory, TestHostOptions? options = null)
    {
        options ??= new TestHostOptions();
        if (options.HostJson is not null)
            directory.Write("host.json", options.HostJson);
        var builder = new FunctionsApplicationBuilder(new HostSetup
        {
            Arguments = ["--port", options.Port.ToString(), "--data", Path.Combine(directory.Path, "data"), .. options.Arguments],
            BaseDirectory = directory.Path,
            FunctionClasses = functions,
            Settings = new Dictionary<string, string?>(options.Settings) { ["ServiceBus"] = $"DataDirectory={Path.Combine(directory.Path, "data")}" },
            EnvironmentVariable = options.EnvironmentVariable,
        });
        options.BeforeWeb(builder);
        if (options.ServesHttp)
            builder.ConfigureFunctionsWebApplication();
        builder.Logging.ClearProviders().AddProvider(options.Log);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        options.Configure(builder);
        return (FunctionsHost)builder.Build();
    }

    public static async Task<TestHost> StartAsync(Type[] functions, TestHostOptions? options = null, TestDirectory? shared = null)
    {
        options ??= new TestHostOptions();
        var owned = shared is null ? new TestDirectory() : null;
        var host = Build(functions, shared ?? owned!, options);
        await host.StartAsync().WaitAsync(Patience);
        return new TestHost(host, owned, options.Log);
    }

    public Task StopAsync() => host.StopAsync().WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await StopAsync();
        await host.DisposeAsync();
        owned?.Dispose();
    }
}

internal sealed class TestHostOptions
{
    public string? HostJson { get; init; } = """{ "version": "2.0" }""";

    public int Port { get; init; }

    public string[] Arguments { get; init; } = [];

    public Dictionary<string, string?> Settings { get; init; } = [];

    public Func<string, string?> EnvironmentVariable { get; init; } = static _ => null;

    public bool ServesHttp { get; init; } = true;

    public Action<FunctionsApplicationBuilder> BeforeWeb { get; init; } = static _ => { };

    public Action<FunctionsApplicationBuilder> Configure { get; init; } = static _ => { };

    public LogLines Log { get; } = new();
}

/// <summary>A temporary directory, gone with the test.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("weir-functions-").FullName;

    public void Write(string file, string text) => File.WriteAllText(System.IO.Path.Combine(Path, file), text);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>What the host wrote to its log.</summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> lines = new();

    public IEnumerable<string> Lines => lines;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception?.Message}".TrimEnd());

    public void Dispose()
    {
    }
}

/// <summary>Where functions tell a test what they did, and wait for it.</summary>
public sealed class Probe
{
    private readonly ConcurrentQueue<string> seen = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> signals = new();

    public IReadOnlyList<string> Seen => [.. seen];

    public void See(string what)
    {
        seen.Enqueue(what);
        Signal(what).TrySetResult();
    }

    /// <summary>Waits until a function has seen it.</summary>
    public Task Until(string what) => Signal(what).Task.WaitAsync(TestHost.Patience);

    /// <summary>Lets a function that waits for it go on.</summary>
    public void Open(string gate) => Signal(gate).TrySetResult();

    private TaskCompletionSource Signal(string name) => signals.GetOrAdd(name, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
