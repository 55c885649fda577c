using System.Text.Json;

namespace Infra.Tests;

/// <summary>What is known of Azure (facts/README.md).</summary>
internal static class Facts
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    /// <summary>Resource types in one version each, with all that they may say.</summary>
    public static ResourceSchemas Schemas { get; } = Read<ResourceSchemas>("resource-schemas.json");

    public static IReadOnlyDictionary<string, Role> Roles { get; } = Read<Dictionary<string, Role>>("roles.json");

    public static HostSettings Settings { get; } = Read<HostSettings>("host-settings.json");

    private static T Read<T>(string file) => JsonSerializer.Deserialize<T>(File.ReadAllText(Repository.Full($"tests/Infra/facts/{file}")), Web)!;

    internal sealed record ResourceSchemas(Dictionary<string, JsonElement> Resources, Dictionary<string, JsonElement> Objects);

    internal sealed record Role(string Name, string Id, string[] Permits);

    internal sealed record HostSettings(string[] Known, string[] OfAConnection, string[] OfHostJson, string[] ForbiddenOnFlex);
}
