namespace AzureLocal.Functions;

/// <summary>
/// Tells whether the process runs inside Azure Functions, where this build must not: it keeps its data on a local disk that
/// Azure throws away, and it checks no keys.
/// </summary>
internal static class AzureDetection
{
    /// <param name="variable">Reads an environment variable.</param>
    public static void Refuse(Func<string, string?> variable)
    {
        if (Evidence(variable) is { } evidence)
            throw new StartRefusedException(
                $"This is the local build, which keeps its data on this machine's disk, but {evidence} says that it runs inside Azure. "
                + "Deploy what `dotnet publish -p:AzurePackages=true` builds.");
    }

    // The variables that the Functions host itself asks. CONTAINER_NAME alone could be anybody's container, so it counts
    // only beside a name that Functions sets.
    private static string? Evidence(Func<string, string?> variable)
    {
        if (Set("WEBSITE_INSTANCE_ID"))
            return "WEBSITE_INSTANCE_ID"; // App Service, Premium, Consumption on Windows
        if ((Set("CONTAINER_NAME") || Set("WEBSITE_POD_NAME")) && (Set("LEGION_SERVICE_HOST") || Set("WEBSITE_SITE_NAME")))
            return Set("CONTAINER_NAME") ? "CONTAINER_NAME" : "WEBSITE_POD_NAME"; // Flex Consumption, Consumption on Linux
        if (Set("MANAGED_ENVIRONMENT") && Set("CONTAINER_APP_NAME"))
            return "MANAGED_ENVIRONMENT"; // Container Apps
        return null;

        bool Set(string name) => !string.IsNullOrEmpty(variable(name));
    }
}
