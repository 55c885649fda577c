using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Weir.Health;

/// <summary>Whether the host is told what Weir relies on: host.json, or the settings that override it.</summary>
internal static class HostFileCheck
{
    private const string Area = "host.json";

    private static readonly JsonDocumentOptions AsTheHostReads = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static IEnumerable<DoctorCheck> Of(IConfiguration configuration, string directory, TimeSpan longestJob)
    {
        var file = Path.Combine(directory, "host.json");
        if (Read(file) is not { } json)
        {
            yield return DoctorCheck.Failed(Area, "host.json", File.Exists(file) ? "it is not JSON" : "it is not beside the app: the host's own defaults do not fit Weir");
            yield break;
        }
        yield return Of("autoCompleteMessages", text => text == "false" ? null : "the host completes messages by itself, and what has not been recorded is lost. Set it to false", isGrave: true);
        yield return Of("sessionIdleTimeout", text => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) && time <= TimeSpan.FromSeconds(10) ? null : "a slot waits so long for a lane that is empty (60 s unless set): many short lanes starve. Set 00:00:01", isGrave: false);
        yield return Of("maxAutoLockRenewalDuration", text => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) && time >= longestJob ? null : $"a job may take {longestJob}, and its lock is not renewed for so long: it would run twice. Set at least that", isGrave: true);
        yield return Of("prefetchCount", text => text is null or "0" ? null : "messages that are fetched ahead wait with their lock running. Set 0, or remove it", isGrave: false);
        var functionTimeout = Text(json, "functionTimeout");
        yield return functionTimeout == "-1" || (TimeSpan.TryParse(functionTimeout, CultureInfo.InvariantCulture, out var limit) && limit >= longestJob)
            ? DoctorCheck.Ok(Area, "functionTimeout", functionTimeout)
            : DoctorCheck.Warning(Area, "functionTimeout", $"it is {functionTimeout ?? "not set"}, and a job may take {longestJob}: the host ends the process after it");

        DoctorCheck Of(string name, Func<string?, string?> wrong, bool isGrave)
        {
            var value = configuration[$"AzureFunctionsJobHost:extensions:serviceBus:{name}"] ?? Text(json, "extensions", "serviceBus", name);
            return wrong(value) is not { } why ? DoctorCheck.Ok(Area, name, value ?? "not set")
                : isGrave ? DoctorCheck.Failed(Area, name, $"it is {value ?? "not set"}: {why}")
                : DoctorCheck.Warning(Area, name, $"it is {value ?? "not set"}: {why}");
        }
    }

    private static JsonElement? Read(string file)
    {
        try
        {
            return File.Exists(file) ? JsonElement.Parse(File.ReadAllText(file), AsTheHostReads) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement json, params string[] path)
    {
        foreach (var name in path)
        {
            if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out json))
                return null;
        }
        return json.ValueKind is JsonValueKind.True or JsonValueKind.False ? json.GetRawText() : json.ToString();
    }
}
