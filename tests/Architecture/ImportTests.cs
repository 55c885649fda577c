using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>Imports run one way: Functions → Jobs, Dashboard → Weir → the Azure SDKs. AzureLocal sees none of them.</summary>
public sealed class ImportTests
{
    /// <summary>Which projects a project of src/ may reference, by folder. Whoever adds a project adds its line.</summary>
    private static readonly Dictionary<string, string[]> MayReference = new(StringComparer.Ordinal)
    {
        ["src/Functions"] = ["src/Jobs", "src/Dashboard", "src/Weir"],
        ["src/Jobs"] = ["src/Weir"],
        ["src/Dashboard"] = ["src/Weir"],
        ["src/Cli"] = ["src/Capacity"],
        ["src/Weir"] = ["src/Capacity"],
        ["src/Capacity"] = [],
        ["src/Testing"] = ["src/Weir", "src/AzureLocal/Azure.Data.Tables", "src/AzureLocal/Azure.Messaging.ServiceBus", "src/AzureLocal/Microsoft.DurableTask"],
    };

    /// <summary>Namespaces that a project's sources may not name, though some reference would bring them along.</summary>
    private static readonly (string Project, string Namespace, string Reason)[] MayNotName =
    [
        ("src/Weir", "Microsoft.Azure.Functions", "Weir is a library: triggers belong to src/Functions"),
        ("src/Jobs", "Microsoft.Azure.Functions", "a job never sees a trigger: triggers belong to src/Functions"),
        ("src/Jobs", "Azure.Messaging.ServiceBus", "a job never sees the broker: JobContext has what it may do"),
    ];

    [Fact]
    public void Every_project_reference_runs_the_allowed_way()
    {
        var wrong =
            from project in Repository.ProductProjects
            from reference in project.ProjectReferences
            let folder = Path.GetDirectoryName(reference)!
            where !IsAllowed(project, folder)
            select $"  {project.Folder} references {folder}; it may reference {Allowed(project)}.";

        Expect.None(wrong, "References that run the wrong way:");
    }

    [Fact]
    public void Every_product_project_has_a_rule()
    {
        var unruled =
            from project in Repository.ProductProjects
            where !project.IsAzureLocal && !MayReference.ContainsKey(project.Folder)
            select $"  {project}";

        Expect.None(unruled, "Say in ImportTests.MayReference what these may reference:");
    }

    /// <summary>A direct PackageReference would bring a second assembly of the same name into the local build.</summary>
    [Fact]
    public void Azure_packages_are_named_only_through_AzurePackage()
    {
        var wrong =
            from project in Repository.Projects
            from package in project.PackageReferences
            where AzurePackageList.Published.ContainsKey(package)
            select $"""  {project} has <PackageReference Include="{package}">; say <AzurePackage Include="{package}" /> instead.""";

        Expect.None(wrong, "Azure packages that escape the switch between the two builds:");
    }

    [Fact]
    public void Neither_Jobs_nor_AzureLocal_names_an_AzurePackage()
    {
        var wrong =
            from project in Repository.ProductProjects
            where project.IsAzureLocal || project.Folder == "src/Jobs"
            from package in project.AzurePackages
            select $"  {project} names AzurePackage {package}.";

        Expect.None(wrong, "Jobs sees only Weir, and AzureLocal stands in for these packages:");
    }

    [Fact]
    public void No_source_names_a_namespace_that_is_closed_to_it()
    {
        var wrong =
            from rule in MayNotName
            from file in Repository.Files(".cs", rule.Project)
            from line in SourceText.CodeLines(file)
            where Regex.IsMatch(line.Text, $@"(?<![\w.]){Regex.Escape(rule.Namespace)}(?!\w)")
            select $"  {file}:{line.Number} names {rule.Namespace}: {rule.Reason}.";

        Expect.None(wrong, "Namespaces used where they are closed:");
    }

    private static bool IsAllowed(Project project, string folder) => project.IsAzureLocal
        ? folder.StartsWith("src/AzureLocal/", StringComparison.Ordinal)
        : MayReference.GetValueOrDefault(project.Folder, []).Contains(folder);

    private static string Allowed(Project project) => project.IsAzureLocal
        ? "only its neighbours in src/AzureLocal"
        : MayReference.GetValueOrDefault(project.Folder, []) is { Length: > 0 } folders ? string.Join(", ", folders) : "no project";
}
