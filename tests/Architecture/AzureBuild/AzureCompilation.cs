using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.CodeAnalysis;

namespace Architecture.Tests.AzureBuild;

/// <summary>
/// Compiles the Azure build, one project on the other: the sources that MSBuild names for -p:AzurePackages=true, with the options and
/// source generators of the default build, against stubs of exactly those packages that the projects name.
/// </summary>
public sealed class AzureCompilation : IDisposable
{
    /// <summary>What only AzureLocal brings: SQLite is not there in the Azure build.</summary>
    private static readonly string[] LocalOnly = ["sqlitepclraw", "sourcegear"];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("weir-azure-build-");
    private readonly ConcurrentDictionary<string, Lazy<(string File, string[] Errors)>> compiled = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<CompilerCall>> calls = new(StringComparer.Ordinal);
    private readonly Lazy<Stubs> stubs;

    // Functions sees everything, so its references are all that there are.
    public AzureCompilation() => stubs = new(() => new([.. SharedReferences(CallOf(Named("src/Functions/Functions.csproj"))).Select(file => MetadataReference.CreateFromFile(file))]));

    internal Stubs Stubs => stubs.Value;

    /// <summary>The errors that the compiler finds in a project.</summary>
    internal string[] ErrorsIn(Project project) => Compiled(project).Errors;

    /// <summary>The errors in one source, compiled as if it were alone in the project, against these packages.</summary>
    internal string[] ErrorsIn(Project project, IEnumerable<string> packages, string source)
    {
        var file = Path.Combine(folder.FullName, "Probe.cs");
        File.WriteAllText(file, source);
        return Compile(project, packages, [file], Path.Combine(folder.FullName, "Probe.dll"));
    }

    public void Dispose() => folder.Delete(recursive: true);

    /// <summary>The source files and the preprocessor symbols that one of the two builds gives a project.</summary>
    internal static (string[] Sources, string Symbols) ItemsOf(Project project, bool azurePackages)
    {
        var (exit, output) = Repository.Run("dotnet", "msbuild", project.File, "-getItem:Compile", "-getProperty:DefineConstants", $"-p:AzurePackages={(azurePackages ? "true" : "")}");
        Assert.True(exit == 0, output);
        var answer = JsonDocument.Parse(output).RootElement;
        return (
            [.. answer.GetProperty("Items").GetProperty("Compile").EnumerateArray().Select(item => item.GetProperty("FullPath").GetString()!)],
            answer.GetProperty("Properties").GetProperty("DefineConstants").GetString()!);
    }

    private (string File, string[] Errors) Compiled(Project project) => compiled.GetOrAdd(project.File, _ => new(() =>
    {
        var file = Path.Combine(folder.FullName, project.Assembly + ".dll");
        return (file, Compile(project, PackageClosure.Of(project), ItemsOf(project, azurePackages: true).Sources, file));
    })).Value;

    private string[] Compile(Project project, IEnumerable<string> packages, IEnumerable<string> sources, string into)
    {
        var call = CallOf(project);
        var own = Below(project).Select(Compiled).ToArray();
        Assert.All(own, below => Assert.Empty(below.Errors));
        var official = packages.Where(PackageClosure.HasList).Order(StringComparer.Ordinal).Select(package => Write(package + ".dll", Stubs.Image(package)));
        return call.Compile(sources, [.. SharedReferences(call), .. official, .. own.Select(below => below.File)], into);
    }

    private CompilerCall CallOf(Project project) => calls.GetOrAdd(project.File, _ => new(() => CompilerCall.Of(project))).Value;

    /// <summary>The framework and the packages that are the same in both builds.</summary>
    private static IEnumerable<string> SharedReferences(CompilerCall call) => call.References.Where(file =>
        !file.StartsWith(Repository.Full("src") + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        && !LocalOnly.Any(file.Contains));

    private static IEnumerable<Project> Below(Project project) =>
        project.ProjectReferences.Select(Named).SelectMany(below => Below(below).Append(below)).DistinctBy(below => below.File);

    private static Project Named(string file) => Repository.Projects.Single(project => project.File == file);

    private string Write(string name, byte[] content)
    {
        var file = Path.Combine(folder.FullName, name);
        if (!File.Exists(file))
            File.WriteAllBytes(file, content);
        return file;
    }
}
