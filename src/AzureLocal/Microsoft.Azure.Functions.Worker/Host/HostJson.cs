using System.Globalization;
using System.Text.Json;
using Microsoft.DurableTask.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace AzureLocal.Functions;

/// <summary>
/// host.json, with <c>AzureFunctionsJobHost__…</c> settings over it. A name that Azure does not know, a value that it could
/// not use, and what this host cannot do are refused: a figure that is silently ignored is found out under load.
/// </summary>
internal sealed record HostJson(HttpOptions Http, ServiceBusOptions ServiceBus, DurableOptions Durable, TimeSpan? FunctionTimeout, IReadOnlyDictionary<string, LogLevel> LogLevels)
{
    private const string FileName = "host.json";
    private const string OverrideSection = "AzureFunctionsJobHost";

    /// <summary>The default outside the Consumption plan, whose 5 minutes would surprise on a developer's machine.</summary>
    private static readonly TimeSpan DefaultFunctionTimeout = TimeSpan.FromMinutes(30);

    // Known to Azure, and without effect on one machine.
    private static readonly string[] WithoutEffect =
    [
        "$schema", "aggregator", "concurrency", "extensionBundle", "healthMonitor", "logging:applicationInsights",
        "logging:console", "logging:fileLoggingMode", "managedDependency", "singleton", "telemetryMode", "watchDirectories", "watchFiles",
        "extensions:blobs", "extensions:queues", "extensions:eventHubs", "extensions:cosmosDB", "extensions:http:hsts",
        "extensions:serviceBus:clientRetryOptions", "extensions:serviceBus:maxMessageBatchSize", "extensions:serviceBus:minMessageBatchSize",
        "extensions:serviceBus:maxBatchWaitTime", "extensions:serviceBus:transportType", "extensions:serviceBus:webProxy",
        "extensions:durableTask:storageProvider", "extensions:durableTask:tracing", "extensions:durableTask:maxConcurrentEntityFunctions",
        "extensions:durableTask:extendedSessionsEnabled", "extensions:durableTask:extendedSessionIdleTimeoutInSeconds",
        "extensions:durableTask:maxOrchestrationActions", "extensions:durableTask:useAppLease", "extensions:durableTask:useGracefulShutdown",
        "extensions:durableTask:storeInputsInOrchestrationHistory", "extensions:durableTask:overridableExistingInstanceStates",
        "extensions:durableTask:entityMessageReorderWindowInMinutes", "extensions:durableTask:maxEntityOperationBatchSize",
        "extensions:durableTask:maxGrpcMessageSizeInBytes", "extensions:durableTask:grpcHttpClientTimeout",
    ];

    public static HostJson Load(string directory, IConfiguration configuration)
    {
        var values = new Values();
        values.ReadFile(Path.Combine(directory, FileName));
        foreach (var (key, value) in configuration.GetSection(OverrideSection).AsEnumerable(makePathsRelative: true))
            values.Set(key, value, $"the setting {OverrideSection}__{key.Replace(":", "__", StringComparison.Ordinal)}");
        return Read(values, configuration);
    }

    private static HostJson Read(Values values, IConfiguration configuration)
    {
        var version = values.Take("version")?.Text;
        if (version != "2.0")
            throw new StartRefusedException($"{FileName}: version is '{version}', expected \"2.0\".");
        values.Refuse("concurrency:dynamicConcurrencyEnabled", "true", "set maxConcurrentSessions or maxConcurrentCalls");
        values.Refuse("extensions:http:dynamicThrottlesEnabled", "true", "set maxOutstandingRequests");
        values.Refuse("extensions:serviceBus:enableCrossEntityTransactions", "true", "an isolated worker has no use for it");

        var tryTimeout = values.Time("extensions:serviceBus:clientRetryOptions:tryTimeout") ?? TimeSpan.FromMinutes(1);
        var host = new HostJson(
            new HttpOptions(
                (values.Take("extensions:http:routePrefix")?.Text ?? "api").Trim('/'),
                values.Count("extensions:http:maxOutstandingRequests", allowUnlimited: true),
                values.Count("extensions:http:maxConcurrentRequests", allowUnlimited: true)),
            new ServiceBusOptions(
                values.Flag("extensions:serviceBus:autoCompleteMessages") ?? true,
                values.Count("extensions:serviceBus:maxConcurrentCalls") ?? 16,
                values.Count("extensions:serviceBus:maxConcurrentSessions") ?? 8,
                values.Time("extensions:serviceBus:sessionIdleTimeout") ?? tryTimeout,
                values.Time("extensions:serviceBus:maxAutoLockRenewalDuration", allowZero: true) ?? TimeSpan.FromMinutes(5),
                tryTimeout),
            new DurableOptions(
                configuration.Resolve(values.Take("extensions:durableTask:hubName")?.Text ?? "TestHubName", "host.json: extensions.durableTask.hubName"),
                values.Count("extensions:durableTask:maxConcurrentOrchestratorFunctions"),
                values.Count("extensions:durableTask:maxConcurrentActivityFunctions"),
                values.Take("extensions:durableTask:defaultVersion")?.Text,
                values.Choice<VersionMatchStrategy>("extensions:durableTask:versionMatchStrategy"),
                values.Choice<VersionFailureStrategy>("extensions:durableTask:versionFailureStrategy")),
            values.TimeOrNever("functionTimeout", DefaultFunctionTimeout),
            values.Levels("logging:logLevel"));

        values.MustBe("extensions:serviceBus:maxConcurrentCallsPerSession", "1", "more would give up the order inside a session");
        values.MustBe("extensions:serviceBus:prefetchCount", "0", "prefetched messages are not implemented");
        foreach (var name in WithoutEffect)
            values.TakeAll(name);
        values.RefuseRest();
        return host;
    }

    /// <summary>Where a value was found, so that a complaint can say so.</summary>
    private sealed record Value(string Name, string? Text, string Source)
    {
        public StartRefusedException Expected(string what) => new($"{Source}: {Name.Replace(':', '.')} is '{Text}', expected {what}.");
    }

    /// <summary>All values by their path. Reading takes them out, so what is left at the end is unknown.</summary>
    private sealed class Values
    {
        private readonly SortedDictionary<string, Value> values = new(StringComparer.OrdinalIgnoreCase);

        public void ReadFile(string file)
        {
            if (!File.Exists(file))
                throw new StartRefusedException($"{file} is missing. The smallest one is {{ \"version\": \"2.0\" }}.");
            try
            {
                using var document = JsonDocument.Parse(
                    File.ReadAllBytes(file),
                    new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
                Flatten(document.RootElement, "", file);
            }
            catch (JsonException broken)
            {
                throw new StartRefusedException($"{file} is not JSON: {broken.Message}");
            }
        }

        public void Set(string name, string? text, string source)
        {
            if (text is not null)
                values[name] = new Value(name, text, source);
        }

        public Value? Take(string name) => values.Remove(name, out var value) ? value : null;

        public IEnumerable<Value> TakeAll(string name)
        {
            var found = values.Where(value => IsAtOrBelow(value.Key, name)).ToArray();
            foreach (var (key, _) in found)
                values.Remove(key);
            return found.Select(value => value.Value);
        }

        public bool? Flag(string name) => Take(name) is not { } value ? null
            : bool.TryParse(value.Text, out var flag) ? flag
            : throw value.Expected("true or false");

        public int? Count(string name, bool allowUnlimited = false)
        {
            if (Take(name) is not { } value)
                return null;
            if (!int.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) || (count < 1 && !(allowUnlimited && count == -1)))
                throw value.Expected(allowUnlimited ? "a whole number from 1, or -1 for no limit" : "a whole number from 1");
            return count == -1 ? null : count;
        }

        public TimeSpan? Time(string name, bool allowZero = false) => Take(name) is { } value ? Time(value, allowZero) : null;

        public TimeSpan? TimeOrNever(string name, TimeSpan otherwise) => Take(name) switch
        {
            null => otherwise,
            { Text: "-1" or "-1.00:00:00" } => null,
            { } value => Time(value, allowZero: false),
        };

        public Dictionary<string, LogLevel> Levels(string name)
        {
            var levels = new Dictionary<string, LogLevel>();
            foreach (var value in TakeAll(name))
                levels[value.Name[(name.Length + 1)..]] = Choice<LogLevel>(value);
            return levels;
        }

        public T? Choice<T>(string name) where T : struct, Enum => Take(name) is { } value ? Choice<T>(value) : null;

        public void Refuse(string name, string unsupported, string instead)
        {
            if (Take(name) is { } value && string.Equals(value.Text, unsupported, StringComparison.OrdinalIgnoreCase))
                throw value.Expected($"anything else in the local build: {instead}");
        }

        public void MustBe(string name, string supported, string because)
        {
            if (Take(name) is { } value && value.Text != supported)
                throw value.Expected($"{supported} in the local build: {because}");
        }

        public void RefuseRest()
        {
            if (values.Count == 0)
                return;
            var value = values.Values.First();
            throw new StartRefusedException($"{value.Source}: {value.Name.Replace(':', '.')} is not a setting that this host knows.");
        }

        private static TimeSpan Time(Value value, bool allowZero) =>
            TimeSpan.TryParse(value.Text, CultureInfo.InvariantCulture, out var time) && (time > TimeSpan.Zero || (allowZero && time == TimeSpan.Zero))
                ? time
                : throw value.Expected("a time span such as \"00:05:00\"");

        private static T Choice<T>(Value value) where T : struct, Enum =>
            Enum.TryParse<T>(value.Text, ignoreCase: true, out var choice) && Enum.IsDefined(choice)
                ? choice
                : throw value.Expected($"one of {string.Join(", ", Enum.GetNames<T>())}");

        private static bool IsAtOrBelow(string path, string name) =>
            path.StartsWith(name, StringComparison.OrdinalIgnoreCase) && (path.Length == name.Length || path[name.Length] == ':');

        private void Flatten(JsonElement element, string path, string file)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (var member in element.EnumerateObject())
                        Flatten(member.Value, path.Length == 0 ? member.Name : $"{path}:{member.Name}", file);
                    break;
                case JsonValueKind.Array:
                    var index = 0;
                    foreach (var item in element.EnumerateArray())
                        Flatten(item, $"{path}:{index++}", file);
                    break;
                case JsonValueKind.Null:
                    break;
                default:
                    Set(path, element.ToString(), file);
                    break;
            }
        }
    }
}

internal sealed record HttpOptions(string RoutePrefix, int? MaxOutstandingRequests, int? MaxConcurrentRequests);

/// <param name="SessionIdleTimeout">How long a slot keeps a session that has nothing more.</param>
/// <param name="TryTimeout">How long one call to the broker may wait for something to arrive.</param>
internal sealed record ServiceBusOptions(
    bool AutoCompleteMessages,
    int MaxConcurrentCalls,
    int MaxConcurrentSessions,
    TimeSpan SessionIdleTimeout,
    TimeSpan MaxAutoLockRenewalDuration,
    TimeSpan TryTimeout);

internal sealed record DurableOptions(
    string HubName,
    int? MaxConcurrentOrchestrators = null,
    int? MaxConcurrentActivities = null,
    string? DefaultVersion = null,
    VersionMatchStrategy? VersionMatch = null,
    VersionFailureStrategy? VersionFailure = null);
