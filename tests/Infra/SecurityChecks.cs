namespace Infra.Tests;

/// <summary>The values that docs/security.md speaks of: what would still deploy if somebody loosened them, and nobody would notice.</summary>
internal static class SecurityChecks
{
    private static readonly (string File, string Type, string Property, string[] Values)[] Required =
    [
        ("modules/servicebus.bicep", "Microsoft.ServiceBus/namespaces", "disableLocalAuth", ["true"]),
        ("modules/servicebus.bicep", "Microsoft.ServiceBus/namespaces", "minimumTlsVersion", ["'1.2'"]),
        ("modules/servicebus.bicep", "Microsoft.ServiceBus/namespaces", "publicNetworkAccess", ["isolated ? 'Disabled' : 'Enabled'"]),
        ("modules/storage.bicep", "Microsoft.Storage/storageAccounts", "allowSharedKeyAccess", ["false"]),
        ("modules/storage.bicep", "Microsoft.Storage/storageAccounts", "allowBlobPublicAccess", ["false"]),
        ("modules/storage.bicep", "Microsoft.Storage/storageAccounts", "minimumTlsVersion", ["'TLS1_2'", "'TLS1_3'"]),
        ("modules/storage.bicep", "Microsoft.Storage/storageAccounts", "publicNetworkAccess", ["isolated ? 'Disabled' : 'Enabled'"]),
        ("modules/app.bicep", "Microsoft.Web/sites", "httpsOnly", ["true"]),
        ("modules/monitoring.bicep", "Microsoft.Insights/components", "DisableLocalAuth", ["true"]),
    ];

    public static IEnumerable<string> Check(InfraFolder infra)
    {
        foreach (var (file, type, property, values) in Required)
        {
            var found = infra[file].Resources.Where(resource => resource.ResourceType == type && resource.Body.Path("properties") is not null).ToArray();
            if (found.Length == 0)
                yield return $"  {file} has no {type}.";
            foreach (var resource in found.Where(resource => !values.Contains(resource.Body.Path("properties", property)?.Text)))
                yield return $"  {file}, {resource.Symbol}: {property} must be {string.Join(" or ", values)}, not {resource.Body.Path("properties", property)?.Text ?? "left out"} (docs/security.md).";
        }
        var app = infra["modules/app.bicep"];
        if (!app.Tree.Text.Contains("@secure()\nparam webhookSecret string", StringComparison.Ordinal) || !infra["main.bicep"].Tree.Text.Contains("@secure()\nparam webhookSecret string", StringComparison.Ordinal))
            yield return "  webhookSecret must be @secure(): it would stand in the history of deployments.";
    }
}
