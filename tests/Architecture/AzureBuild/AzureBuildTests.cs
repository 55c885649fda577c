using System.Reflection;
using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Architecture.Tests.AzureApi;

namespace Architecture.Tests.AzureBuild;

/// <summary>
/// The build that is deployed cannot be made where its packages are not to be had. So it is compiled against stubs made of their API
/// lists: whatever it uses must be in the official API, with that signature, in a package that its project names.
/// </summary>
public sealed class AzureBuildTests(AzureCompilation build) : IClassFixture<AzureCompilation>
{
    /// <summary>
    /// The sources that one of the two builds compiles and the other does not, with their lines of code: nothing but the references may
    /// differ without a line here. Empty: every line of the app that is deployed is compiled, and tested, by the default build too.
    /// </summary>
    private static readonly Dictionary<string, int> OnlyInOneBuild = new(StringComparer.Ordinal);

    public static TheoryData<string> AppProjects =>
        [.. Repository.ProductProjects.Where(project => !project.IsLocalOnly).Select(project => project.File)];

    public static TheoryData<string> ListedPackages => [.. OfficialApi.Packages().Order(StringComparer.Ordinal)];

    private static Project Weir => Repository.Projects.Single(project => project.File == "src/Weir/Weir.csproj");

    [Theory, MemberData(nameof(AppProjects))]
    public void The_Azure_build_compiles_against_the_official_API(string file)
    {
        var errors = build.ErrorsIn(Repository.Projects.Single(project => project.File == file));
        Expect.None(errors, $"{file} would not build with -p:AzurePackages=true:");
    }

    /// <summary>Else the compilation above would prove nothing.</summary>
    [Theory, MemberData(nameof(ListedPackages))]
    public void A_stub_assembly_has_exactly_the_members_of_its_list(string package)
    {
        var context = new StubContext(build.Stubs);
        var made = ApiLines.OfAssembly(context.Load(package)).ToHashSet(StringComparer.Ordinal);
        var listed = Stubs.Lines(package).ToHashSet(StringComparer.Ordinal);

        Expect.None(listed.Except(made).Select(line => $"  listed, not made: {line}").Concat(made.Except(listed).Select(line => $"  made, not listed: {line}")),
            $"The stub of {package} differs from its list:");
    }

    [Fact]
    public void What_the_official_API_lacks_does_not_compile()
    {
        var errors = build.ErrorsIn(Weir, PackageClosure.Of(Weir), """
            internal static class Probe
            {
                static void Invented(Azure.Data.Tables.TableClient table) => table.CountRows();
                static void OfOtherTypes(Azure.Data.Tables.TableClient table) => table.DeleteEntity(1, 2);
                static void ReadOnly(Azure.Data.Tables.TableClient table) => table.AccountName = "other";
                static object Protected() => new Azure.Messaging.ServiceBus.ServiceBusReceiver();
                static object OfAPackageThatWeirDoesNotName() => new Microsoft.Azure.Functions.Worker.FunctionAttribute("x");
            }
            """);

        Assert.All(new[] { "(3,", "(4,", "(5,", "(6,", "(7," }, line => Assert.Contains(errors, error => error.Contains("Probe.cs" + line)));
        Assert.Equal(["CS0122", "CS0200", "CS0234", "CS1061", "CS1503"], errors.Select(error => Regex.Match(error, @"error (CS\d+)").Groups[1].Value).Distinct().Order());
    }

    [Fact]
    public void A_package_that_no_project_names_is_missed()
    {
        var source = File.ReadAllText(Repository.Full("src/Weir/AzureConnections.cs"));
        Assert.Empty(build.ErrorsIn(Weir, PackageClosure.Of(Weir), source));
        Assert.NotEmpty(build.ErrorsIn(Weir, PackageClosure.Of(Weir).Except(["Azure.Data.Tables"]), source));
    }

    [Theory, MemberData(nameof(AppProjects))]
    public void Both_builds_compile_the_same_sources(string file)
    {
        var project = Repository.Projects.Single(project => project.File == file);
        var (azure, local) = (AzureCompilation.ItemsOf(project, azurePackages: true), AzureCompilation.ItemsOf(project, azurePackages: false));
        var differing = azure.Sources.Except(local.Sources).Concat(local.Sources.Except(azure.Sources)).Select(path => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'));
        var named = OnlyInOneBuild.Keys.Where(source => source.StartsWith(project.Folder + "/", StringComparison.Ordinal));

        Assert.Equal(named.Order(StringComparer.Ordinal), differing.Order(StringComparer.Ordinal));
        Assert.All(named, source => Assert.Equal(OnlyInOneBuild[source], SourceText.CodeLines(source).Count()));
        Assert.Equal(local.Symbols, azure.Symbols);
    }

    /// <summary>A condition in the source would hide a line from one of the builds as well.</summary>
    [Fact]
    public void No_source_of_the_app_is_conditional()
    {
        var wrong =
            from project in Repository.ProductProjects
            where !project.IsAzureLocal
            from source in Repository.Files(".cs", project.Folder)
            from line in SourceText.CodeLines(source)
            where Regex.IsMatch(line.Text, @"^#\s*(if|elif|else|define|undef)\b")
            select $"  {source}:{line.Number}: {line.Text}";

        Expect.None(wrong, "These lines are not in both builds:");
    }

    /// <summary>Where stubs are loaded apart from the assemblies of AzureLocal, which bear the same names.</summary>
    private sealed class StubContext(Stubs stubs) : AssemblyLoadContext(nameof(StubContext))
    {
        private readonly Dictionary<string, Assembly> loaded = new(StringComparer.Ordinal);

        public Assembly Load(string package) =>
            loaded.TryGetValue(package, out var assembly) ? assembly : loaded[package] = LoadFromStream(new MemoryStream(stubs.Image(package)));

        protected override Assembly? Load(AssemblyName name) => PackageClosure.HasList(name.Name!) ? Load(name.Name!) : null;
    }
}
