using Architecture.Tests.AzureApi;

namespace Architecture.Tests.AzureBuild;

/// <summary>What a package brings along by its own dependencies, so that a project need not name it.</summary>
internal static class PackageClosure
{
    private static readonly Dictionary<string, string[]> Brings = new(StringComparer.Ordinal)
    {
        ["Microsoft.DurableTask.Abstractions"] = ["Microsoft.Azure.DurableTask.Core"],
        ["Microsoft.DurableTask.Client"] = ["Microsoft.DurableTask.Abstractions"],
        ["Microsoft.DurableTask.Worker"] = ["Microsoft.DurableTask.Abstractions"],
        ["Microsoft.Azure.Functions.Worker"] = ["Microsoft.Azure.Functions.Worker.Core"],
        ["Microsoft.Azure.Functions.Worker.Core"] = ["Microsoft.Azure.Functions.Worker.Extensions.Abstractions"],
        ["Microsoft.Azure.Functions.Worker.Extensions.Http"] = ["Microsoft.Azure.Functions.Worker.Extensions.Abstractions", "Microsoft.Azure.Functions.Worker.Core"],
        ["Microsoft.Azure.Functions.Worker.Extensions.Http.AspNetCore"] = ["Microsoft.Azure.Functions.Worker.Extensions.Http", "Microsoft.Azure.Functions.Worker"],
        ["Microsoft.Azure.Functions.Worker.Extensions.Timer"] = ["Microsoft.Azure.Functions.Worker.Extensions.Abstractions"],
        ["Microsoft.Azure.Functions.Worker.Extensions.ServiceBus"] =
            ["Microsoft.Azure.Functions.Worker.Extensions.Abstractions", "Microsoft.Azure.Functions.Worker.Core", "Azure.Messaging.ServiceBus"],
        ["Microsoft.Azure.Functions.Worker.Extensions.DurableTask"] =
            ["Microsoft.Azure.Functions.Worker.Extensions.Abstractions", "Microsoft.Azure.Functions.Worker.Core", "Microsoft.DurableTask.Client", "Microsoft.DurableTask.Worker"],
    };

    private static readonly HashSet<string> Listed = OfficialApi.Packages().ToHashSet(StringComparer.Ordinal);

    /// <summary>Microsoft.Azure.Functions.Worker.Sdk, for one, is build logic: it has no API to list.</summary>
    public static bool HasList(string package) => Listed.Contains(package);

    /// <summary>The packages and what they bring, all the way down.</summary>
    public static HashSet<string> Of(IEnumerable<string> packages)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var next = packages.ToArray();
        while (next is not [])
            next = [.. next.Where(found.Add).SelectMany(package => Brings.GetValueOrDefault(package, []))];
        return found;
    }

    /// <summary>The packages that a project and the projects below it name, and what those bring.</summary>
    public static HashSet<string> Of(Project project)
    {
        return Of(Below(project).SelectMany(below => below.AzurePackages));

        static IEnumerable<Project> Below(Project top) =>
            [top, .. top.ProjectReferences.Select(file => Repository.Projects.Single(project => project.File == file)).SelectMany(Below)];
    }
}
