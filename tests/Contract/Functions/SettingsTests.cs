using AzureLocal.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Contract.Tests.Functions;

public sealed class SettingsTests
{
    [Fact]
    public void The_defaults_are_those_of_Azure()
    {
        var host = Load("""{ "version": "2.0" }""");

        Assert.Equal(new HttpOptions("api", null, null), host.Http);
        Assert.Equal(new ServiceBusOptions(true, 16, 8, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(1)), host.ServiceBus);
        Assert.Equal(new DurableOptions("TestHubName"), host.Durable);
        Assert.Equal(TimeSpan.FromMinutes(30), host.FunctionTimeout);
    }

    [Fact]
    public void All_that_is_read_from_host_json()
    {
        var host = Load("""
            {
              // comments and a trailing comma are allowed
              "version": "2.0", "functionTimeout": "-1", "telemetryMode": "OpenTelemetry",
              "logging": { "logLevel": { "default": "warning", "Function": "Debug" }, "applicationInsights": { "samplingSettings": { "isEnabled": false } } },
              "extensions": {
                "http": { "routePrefix": "/v1/", "maxOutstandingRequests": 20, "maxConcurrentRequests": -1 },
                "serviceBus": {
                  "autoCompleteMessages": false, "maxConcurrentCalls": 3, "maxConcurrentSessions": 200, "sessionIdleTimeout": "00:00:01",
                  "maxAutoLockRenewalDuration": "00:00:00", "prefetchCount": 0, "clientRetryOptions": { "tryTimeout": "00:00:30", "maxRetries": 2 }
                },
                "durableTask": { "hubName": "%Hub%", "maxConcurrentActivityFunctions": 5, "defaultVersion": "2", "versionMatchStrategy": "Strict", "storageProvider": { "type": "azureManaged" } },
              }
            }
            """, ("Hub", "WeirHub"));

        Assert.Equal(new HttpOptions("v1", 20, null), host.Http);
        Assert.Equal(new ServiceBusOptions(false, 3, 200, TimeSpan.FromSeconds(1), TimeSpan.Zero, TimeSpan.FromSeconds(30)), host.ServiceBus);
        Assert.Equal(new DurableOptions("WeirHub", null, 5, "2", VersionMatchStrategy.Strict), host.Durable);
        Assert.Null(host.FunctionTimeout);
        Assert.Equal([("default", LogLevel.Warning), ("Function", LogLevel.Debug)], host.LogLevels.Select(level => (level.Key, level.Value)));
    }

    [Fact]
    public void A_setting_wins_over_host_json()
    {
        var host = Load(
            """{ "version": "2.0", "extensions": { "serviceBus": { "maxConcurrentSessions": 4 } } }""",
            ("AzureFunctionsJobHost:extensions:serviceBus:maxConcurrentSessions", "16"),
            ("AzureFunctionsJobHost:functionTimeout", "00:01:00"));

        Assert.Equal((16, TimeSpan.FromMinutes(1)), (host.ServiceBus.MaxConcurrentSessions, host.FunctionTimeout));
    }

    [Theory]
    [InlineData("""{ }""", "version is '', expected \"2.0\"")]
    [InlineData("""{ "version": "2.0" """, "is not JSON")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "maxConcurentSessions": 4 } } }""", "extensions.serviceBus.maxConcurentSessions is not a setting that this host knows")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "messageHandlerOptions": { "autoComplete": false } } } }""", "messageHandlerOptions.autoComplete is not a setting")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "maxConcurrentSessions": 0 } } }""", "maxConcurrentSessions is '0', expected a whole number from 1")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "sessionIdleTimeout": "soon" } } }""", "sessionIdleTimeout is 'soon', expected a time span")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "prefetchCount": 20 } } }""", "prefetched messages are not implemented")]
    [InlineData("""{ "version": "2.0", "extensions": { "serviceBus": { "maxConcurrentCallsPerSession": 2 } } }""", "give up the order")]
    [InlineData("""{ "version": "2.0", "concurrency": { "dynamicConcurrencyEnabled": true } }""", "concurrency.dynamicConcurrencyEnabled is 'True'")]
    [InlineData("""{ "version": "2.0", "logging": { "logLevel": { "default": "loud" } } }""", "logging.logLevel.default is 'loud', expected one of Trace")]
    public void A_wrong_host_json_is_refused_with_the_value(string hostJson, string message) =>
        Assert.Contains(message, Assert.Throws<StartRefusedException>(() => Load(hostJson)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_wrong_setting_is_refused_by_its_own_name() =>
        Assert.StartsWith(
            "the setting AzureFunctionsJobHost__functionTimeout: functionTimeout is 'five', ",
            Assert.Throws<StartRefusedException>(() => Load("""{ "version": "2.0" }""", ("AzureFunctionsJobHost:functionTimeout", "five"))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Without_host_json_it_says_so()
    {
        using var directory = new TestDirectory();

        Assert.Contains("host.json is missing", Assert.Throws<StartRefusedException>(() => TestHost.Build([], directory, new TestHostOptions { HostJson = null })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_levels_of_host_json_hold_for_the_log()
    {
        await using var host = await TestHost.StartAsync([typeof(Configured)], new TestHostOptions
        {
            HostJson = """{ "version": "2.0", "logging": { "logLevel": { "default": "Error", "App.Loud": "Debug" } } }""",
            Settings = new() { ["Place"] = "here" },
        });
        var loggers = host.Services.GetRequiredService<ILoggerFactory>();

        loggers.CreateLogger("App.Quiet").LogWarning("quiet");
        loggers.CreateLogger("App.Loud.Part").LogDebug("loud");

        Assert.Equal(["Debug: loud"], host.Log.Lines);
    }

    [Fact]
    public async Task Local_settings_are_configuration_below_the_command_line()
    {
        using var directory = new TestDirectory();
        directory.Write("local.settings.json", """{ "IsEncrypted": false, "Values": { "One": "file", "Two": "file", "A__B": "deep" }, "ConnectionStrings": { "Sql": "x" }, "Host": { "LocalHttpPort": 1 } }""");
        await using var host = TestHost.Build([], directory, new TestHostOptions { Arguments = ["--Two", "line"] });
        var configuration = host.Services.GetRequiredService<IConfiguration>();

        Assert.Equal(("file", "line", "deep", "x"), (configuration["One"], configuration["Two"], configuration["A:B"], configuration.GetConnectionString("Sql")));
        Assert.Equal("UseDevelopmentStorage=true", configuration["AzureWebJobsStorage"]);
        Assert.Equal("localhost:0", configuration["WEBSITE_HOSTNAME"]);
        Assert.True(host.Services.GetRequiredService<IHostEnvironment>().IsDevelopment());
    }

    [Fact]
    public async Task Percent_signs_stand_for_settings_and_a_disabled_function_is_not_there()
    {
        await using var host = await TestHost.StartAsync([typeof(Configured)], new TestHostOptions
        {
            Settings = new() { ["Place"] = "here", ["AzureWebJobs.Off.Disabled"] = "true", ["AzureWebJobs_OffToo_Disabled"] = "1", ["AzureWebJobs.On.Disabled"] = "false" },
        });

        Assert.Equal("on", await host.Client.GetStringAsync("api/x/here"));
        Assert.Equal(404, (int)(await host.Client.GetAsync("api/off")).StatusCode);
        Assert.Equal(404, (int)(await host.Client.GetAsync("api/offtoo")).StatusCode);
        Assert.Contains("Information: Functions: 1 HTTP, 2 disabled", host.Log.Lines);
    }

    private static HostJson Load(string hostJson, params (string Name, string? Value)[] settings)
    {
        using var directory = new TestDirectory();
        directory.Write("host.json", hostJson);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(setting => setting.Name, setting => setting.Value)).Build();
        return HostJson.Load(directory.Path, configuration);
    }

    public sealed class Configured
    {
        [Function("On")]
        public static IResult On([HttpTrigger("get", Route = "x/%Place%")] HttpRequest request) => Results.Text("on");

        [Function("Off")]
        public static IResult Off([HttpTrigger("get")] HttpRequest request) => Results.Text("off");

        [Function("OffToo")]
        public static IResult OffToo([HttpTrigger("get")] HttpRequest request) => Results.Text("off");
    }
}
