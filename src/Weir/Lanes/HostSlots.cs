using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Weir.Lanes;

/// <summary>
/// How many sessions of each queue the Functions host serves at once in an instance: <c>maxConcurrentSessions</c> of host.json, which lies beside the
/// app's assemblies, or the setting that overrides it. A worker is not told it in any other way.
/// </summary>
internal sealed record HostSlots(int Count)
{
    /// <summary>The host's own default (https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#hostjson-settings).</summary>
    private const int HostDefault = 8;

    private const string Override = "AzureFunctionsJobHost:extensions:serviceBus:maxConcurrentSessions";

    private static readonly JsonDocumentOptions AsTheHostReads = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static HostSlots Read(IConfiguration configuration, string directory)
    {
        if (int.TryParse(configuration[Override], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            return new HostSlots(count);
        var file = Path.Combine(directory, "host.json");
        return new HostSlots(File.Exists(file) ? Of(File.ReadAllText(file)) ?? HostDefault : HostDefault);
    }

    /// <summary>Null when it does not say; what is malformed the host itself refuses.</summary>
    private static int? Of(string hostJson)
    {
        try
        {
            var json = JsonElement.Parse(hostJson, AsTheHostReads);
            foreach (var name in new[] { "extensions", "serviceBus", "maxConcurrentSessions" })
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
