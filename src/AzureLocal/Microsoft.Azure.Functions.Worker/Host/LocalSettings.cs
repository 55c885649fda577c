using System.Text.Json;

namespace AzureLocal.Functions;

/// <summary>local.settings.json, which <c>func start</c> turns into environment variables.</summary>
internal static class LocalSettings
{
    private const string FileName = "local.settings.json";

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>The settings, and the port if there is one, of the first directory that has the file.</summary>
    public static (Dictionary<string, string?> Settings, string? Port) Read(IEnumerable<string> directories)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var file = directories.Select(directory => Path.Combine(directory, FileName)).FirstOrDefault(File.Exists);
        if (file is null)
            return (settings, null);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file), Lenient);
            var root = document.RootElement;
            if (root.TryGetProperty("IsEncrypted", out var encrypted) && encrypted.ValueKind == JsonValueKind.True)
                throw new StartRefusedException($"{file} is encrypted, which this host cannot read: `func settings decrypt`.");
            foreach (var value in Members(root, "Values"))
                settings[value.Name.Replace("__", ":", StringComparison.Ordinal)] = value.Value.ToString();
            foreach (var value in Members(root, "ConnectionStrings"))
                settings[$"ConnectionStrings:{value.Name}"] = value.Value.ToString();
            var port = Members(root, "Host").FirstOrDefault(member => member.NameEquals("LocalHttpPort"));
            return (settings, port.Value.ValueKind == JsonValueKind.Undefined ? null : port.Value.ToString());
        }
        catch (JsonException broken)
        {
            throw new StartRefusedException($"{file} is not JSON: {broken.Message}");
        }
    }

    private static IEnumerable<JsonProperty> Members(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var section) && section.ValueKind == JsonValueKind.Object
            ? section.EnumerateObject()
            : [];
}
