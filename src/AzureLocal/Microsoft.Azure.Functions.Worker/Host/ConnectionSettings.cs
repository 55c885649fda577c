using Microsoft.Extensions.Configuration;

namespace AzureLocal.Functions;

/// <summary>Finds what a trigger's <c>Connection</c> and <c>%setting%</c> point at, in the order in which the Functions host looks.</summary>
internal static class ConnectionSettings
{
    public const string ServiceBus = "ServiceBus";
    public const string Storage = "AzureWebJobsStorage";
    public const string DevelopmentServiceBus = "UseDevelopmentEmulator=true";
    public const string DevelopmentStorage = "UseDevelopmentStorage=true";

    private const string Prefix = "AzureWebJobs";

    public static string Connection(this IConfiguration configuration, string? name, string function)
    {
        if (string.IsNullOrEmpty(name))
            name = ServiceBus;
        var connection = configuration[$"ConnectionStrings:{name}"] ?? configuration[Prefix + name] ?? configuration[name];
        if (!string.IsNullOrEmpty(connection))
            return connection;
        if (configuration.GetSection(name).GetChildren().Any())
            throw new StartRefusedException(
                $"Function {function}: the connection '{name}' asks for a namespace in Azure ({name}__fullyQualifiedNamespace), "
                + $"which the local build cannot reach. Set {name}={DevelopmentServiceBus}, or run the Azure build (-p:AzurePackages=true).");
        throw new StartRefusedException(
            $"Function {function}: the connection '{name}' is not set. For the local broker: {name}={DevelopmentServiceBus}.");
    }

    /// <summary>Puts settings in the place of each <c>%name%</c>.</summary>
    public static string Resolve(this IConfiguration configuration, string text, string where)
    {
        var start = text.IndexOf('%');
        if (start < 0)
            return text;
        var end = text.IndexOf('%', start + 1);
        if (end < 0)
            throw new StartRefusedException($"{where}: '{text}' has a % without its partner.");
        var name = text[(start + 1)..end];
        var value = configuration[name] ?? throw new StartRefusedException($"{where}: '{text}' needs the setting '{name}', which is not set.");
        return text[..start] + value + configuration.Resolve(text[(end + 1)..], where);
    }

    /// <summary><c>AzureWebJobs.&lt;name&gt;.Disabled</c>, or with underscores, for shells that allow no dots.</summary>
    public static bool IsDisabled(this IConfiguration configuration, string function)
    {
        var value = configuration[$"{Prefix}.{function}.Disabled"]
            ?? configuration[$"{Prefix}_{function}_Disabled"]
            ?? configuration[$"{Prefix}:{function}:Disabled"];
        return value is "1" || string.Equals(value, "true", StringComparison.OrdinalIgnoreCase);
    }
}
