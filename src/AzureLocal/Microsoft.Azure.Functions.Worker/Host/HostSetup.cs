using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>What a host is made of before the app has its say: command line, settings, address, clock and chance.</summary>
internal sealed class HostSetup
{
    private const int DefaultPort = 7071;

    public string[] Arguments { get; init; } = [];

    /// <summary>Where host.json, local.settings.json and servicebus.json lie.</summary>
    public string BaseDirectory { get; init; } = AppContext.BaseDirectory;

    /// <summary>The classes that hold functions; null finds those of the entry assembly and of what it references.</summary>
    public IReadOnlyList<Type>? FunctionClasses { get; init; }

    /// <summary>Settings that win over all others.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>();

    public Func<string, string?> EnvironmentVariable { get; init; } = Environment.GetEnvironmentVariable;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public Random Random { get; init; } = new(RandomNumberGenerator.GetInt32(int.MaxValue));

    /// <summary>Whether the process is this host's alone, so that it may set what the whole process sees.</summary>
    public bool OwnsProcess { get; init; }

    public int Port { get; private set; }

    public string DataDirectory { get; private set; } = "";

    public WebApplicationBuilder CreateWebBuilder()
    {
        AzureDetection.Refuse(EnvironmentVariable);

        // The empty builder leaves out appsettings.json with its file watchers, and all log providers: a third of the time to the first answer.
        var web = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            ApplicationName = System.Reflection.Assembly.GetEntryAssembly()?.GetName().Name,
            ContentRootPath = BaseDirectory,
            EnvironmentName = EnvironmentVariable("AZURE_FUNCTIONS_ENVIRONMENT") ?? Environments.Development,
        });
        AddSettings(web.Configuration);
        AddLogging(web.Logging);
        // A singleton that keeps a scoped service would hand one invocation's to the next.
        web.Host.UseDefaultServiceProvider(options => options.ValidateScopes = true);
        web.WebHost.UseKestrelCore().ConfigureKestrel(Listen);
        return web;
    }

    private void AddSettings(ConfigurationManager configuration)
    {
        configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            // So that a fresh clone, which has no local.settings.json, runs.
            [ConnectionSettings.ServiceBus] = ConnectionSettings.DevelopmentServiceBus,
            [ConnectionSettings.Storage] = ConnectionSettings.DevelopmentStorage,
        });
        var (localSettings, localPort) = LocalSettings.Read([BaseDirectory, Directory.GetCurrentDirectory()]);
        configuration.AddInMemoryCollection(localSettings);
        // Port and directory not from all of the configuration: PORT is a variable that shells and containers set for others.
        var commandLine = ReadCommandLine();
        configuration.AddEnvironmentVariables();
        configuration.AddConfiguration(commandLine);
        configuration.AddInMemoryCollection(Settings);

        Port = ReadPort(commandLine["port"] ?? localPort);
        DataDirectory = Path.GetFullPath(commandLine["data"] ?? ".weir");
        // `func start` sets it; code that makes links to its own app reads it.
        configuration.AddInMemoryCollection([new("WEBSITE_HOSTNAME", $"localhost:{Port}")]);
        if (!OwnsProcess)
            return;
        Storage.DataDirectory.Current = DataDirectory;
        Environment.SetEnvironmentVariable("WEBSITE_HOSTNAME", $"localhost:{Port}");
    }

    private IConfigurationRoot ReadCommandLine()
    {
        for (var i = 0; i < Arguments.Length; i++)
        {
            var isValue = i > 0 && Arguments[i - 1].StartsWith("--", StringComparison.Ordinal) && !Arguments[i - 1].Contains('=', StringComparison.Ordinal);
            if (!isValue && Arguments[i].StartsWith('-') && !Arguments[i].StartsWith("--", StringComparison.Ordinal))
                throw new StartRefusedException(
                    $"'{Arguments[i]}' is not an argument: there are --port <number> and --data <directory>, and any other --name value is a setting for the app.");
        }
        return new ConfigurationBuilder().AddCommandLine(Arguments).Build();
    }

    private static int ReadPort(string? text) =>
        text is null ? DefaultPort
        : int.TryParse(text, out var port) && port is >= 0 and <= IPEndPoint.MaxPort ? port
        : throw new StartRefusedException($"--port is '{text}': expected a number from 1 to {IPEndPoint.MaxPort}, or 0 for any free one.");

    private static void AddLogging(ILoggingBuilder logging) => logging
        .AddSimpleConsole(line =>
        {
            line.SingleLine = true;
            line.TimestampFormat = "HH:mm:ss.fff ";
            line.UseUtcTimestamp = true;
        })
        .SetMinimumLevel(LogLevel.Information)
        .AddFilter("Microsoft", LogLevel.Warning)
        // It would put the whole stack of a refused start before the one line that says why.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);

    private void Listen(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        // The Functions host's own bound; Kestrel's would be 30 MB.
        kestrel.Limits.MaxRequestBodySize = 100 * 1024 * 1024;
        if (Port == 0)
            kestrel.Listen(IPAddress.Loopback, 0); // localhost, which is two addresses, cannot share one port that is not known yet
        else
            kestrel.ListenLocalhost(Port);
    }
}
