using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Architecture.Tests.AzureApi;
using Architecture.Tests.AzureBuild;

namespace Architecture.Tests;

/// <summary>
/// One source, two builds: -p:AzurePackages=true takes the Azure packages from NuGet, the default build takes src/AzureLocal. Only
/// the default one is compiled here, so these tests ask MSBuild what the other one would reference.
/// </summary>
public sealed class TwoBuildsTests
{
    public static TheoryData<string> AppProjects =>
        [.. Repository.ProductProjects.Where(project => project.AzurePackages is not []).Select(project => project.File)];

    [Theory, MemberData(nameof(AppProjects))]
    public void The_Azure_build_takes_exactly_the_named_packages_in_their_published_versions(string file)
    {
        var project = Repository.Projects.Single(project => project.File == file);
        var items = Evaluate(file, "-p:AzurePackages=true");

        var expected = project.AzurePackages.Select(package => (package, AzurePackageList.Published[package])).Order();
        var versions = items["PackageVersion"].ToDictionary(item => item["Identity"], item => item["Version"]);
        var actual = items["PackageReference"].Select(item => item["Identity"]).Where(AzurePackageList.Published.ContainsKey);
        Assert.Equal(expected, actual.Select(package => (package, versions[package])).Order());
        Assert.DoesNotContain(items["ProjectReference"], IsAzureLocal);
    }

    [Theory, MemberData(nameof(AppProjects))]
    public void The_default_build_takes_exactly_what_stands_in_for_them(string file)
    {
        var project = Repository.Projects.Single(project => project.File == file);
        var items = Evaluate(file);

        var expected = project.AzurePackages.Select(package => AzurePackageList.Local[package]).Distinct().Order(StringComparer.Ordinal);
        var actual = items["ProjectReference"].Where(IsAzureLocal).Select(item => Path.GetFileNameWithoutExtension(item["Identity"]));
        Assert.Equal(expected, actual.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(items["PackageReference"], item => AzurePackageList.Published.ContainsKey(item["Identity"]));
    }

    [Theory, InlineData("true"), InlineData("false")]
    public void A_package_without_a_version_and_a_stand_in_is_refused(string azurePackages)
    {
        var folder = Directory.CreateTempSubdirectory("weir-two-builds-");
        try
        {
            var file = Path.Combine(folder.FullName, "Unknown.csproj");
            File.WriteAllText(file, $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
                  <ItemGroup><AzurePackage Include="Azure.Unheard.Of" /></ItemGroup>
                  <Import Project="{Repository.Full(AzurePackageList.File)}" />
                </Project>
                """);

            var (exit, output) = Repository.Run("dotnet", "msbuild", file, "-t:Restore", $"-p:AzurePackages={azurePackages}");

            Assert.NotEqual(0, exit);
            Assert.Contains("AzurePackage 'Azure.Unheard.Of' is not listed in src/AzurePackages.targets", output);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>One local assembly stands in for several packages, so the default build does not notice a missing one.</summary>
    [Fact]
    public void Every_Azure_type_comes_with_a_package_that_its_project_names()
    {
        var homes = OfficialApi.Packages()
            .SelectMany(package => OfficialApi.Lines(package), (package, line) => (package, line))
            .Where(fact => fact.line.StartsWith("type ", StringComparison.Ordinal))
            .ToLookup(fact => fact.line.Split(' ')[1].Split('<')[0], fact => fact.package);

        var wrong =
            from project in Repository.ProductProjects
            where !project.IsLocalOnly
            let packages = PackageClosure.Of(project)
            from type in AzureTypesIn(project)
            where !homes[type].Any(packages.Contains)
            let home = string.Join(" or ", homes[type].DefaultIfEmpty("no official package"))
            select $"  {project} uses {type} of {home}, and names no package that brings it.";

        Expect.None(wrong, "This would not compile in the Azure build:");
    }

    [Fact]
    public void The_published_versions_are_those_whose_api_was_compared()
    {
        var wrong =
            from package in OfficialApi.Packages()
            let listed = OfficialApi.Version(package)
            let published = AzurePackageList.Published.GetValueOrDefault(package)
            where listed is not null && published is not null && listed != published
            select $"  {package}: {AzurePackageList.File} says {published}, its list in tests/Architecture/azure-api {listed}.";

        Expect.None(wrong, "Renew the list together with the version:");
    }

    private static bool IsAzureLocal(Dictionary<string, string> reference) =>
        reference["Identity"].Replace('\\', '/').Contains("/AzureLocal/");

    private static Dictionary<string, Dictionary<string, string>[]> Evaluate(string project, params string[] arguments)
    {
        var (exit, output) = Repository.Run("dotnet",
            ["msbuild", project, "-getItem:PackageReference,PackageVersion,ProjectReference", .. arguments]);
        Assert.True(exit == 0, output);
        return JsonDocument.Parse(output).RootElement.GetProperty("Items").Deserialize<Dictionary<string, Dictionary<string, string>[]>>()!;
    }

    private static IEnumerable<string> AzureTypesIn(Project project)
    {
        var stoodInFor = AzurePackageList.Local.Values.ToHashSet(StringComparer.Ordinal);
        using var image = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, project.Assembly + ".dll")));
        var metadata = image.GetMetadataReader();
        var types =
            from handle in metadata.TypeReferences
            let type = metadata.GetTypeReference(handle)
            where type.ResolutionScope.Kind == HandleKind.AssemblyReference
            let assembly = metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope)
            where stoodInFor.Contains(metadata.GetString(assembly.Name))
            select Regex.Replace($"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}", "`.*", "");
        return types.ToArray();
    }
}
