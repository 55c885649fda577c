using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Weir.Lanes;

/// <summary>
/// How many sessions of each queue the Functions host serves at once in an instance: <c>maxConcurrentSessions</c> of host.json, which lies beside the
/// app's assemblies, or the setting that overrides it. A worker is not told it in any other way. And how many messages it fetches ahead, <c>prefetchCount</c>.
/// </summary>
internal sealed record HostSlots(int Count, int Prefetch = 0)
{
    /// <summary>The host's own default (https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#hostjson-settings).</summary>
    private const int HostDefault = 8;

    private const string Override = "AzureFunctionsJobHost:extensions:serviceBus:";
    private const string Sessions = "maxConcurrentSessions";
    private const string PrefetchCount = "prefetchCount";

    private static readonly JsonDocumentOptions AsTheHostReads = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static HostSlots Read(IConfiguration configuration, string directory)
    {
        var file = Path.Combine(directory, "host.json");
        var json = File.Exists(file) ? File.ReadAllText(file) : "{}";
        return new HostSlots(Of(configuration, json, Sessions) ?? HostDefault, Of(configuration, json, PrefetchCount) ?? 0);
    }

    private static int? Of(IConfiguration configuration, string hostJson, string setting) =>
        int.TryParse(configuration[Override + setting], NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : Of(hostJson, setting);

    /// <summary>Null when it does not say; what is malformed the host itself refuses.</summary>
    private static int? Of(string hostJson, string setting)
    {
        try
        {
            var json = JsonElement.Parse(hostJson, AsTheHostReads);
            foreach (var name in new[] { "extensions", "serviceBus", setting })
            {
                if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out json))
                    return null;
            }
            return json.ValueKind == JsonValueKind.Number && json.TryGetInt32(out var count) ? count : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
