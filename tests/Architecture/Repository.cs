using System.Diagnostics;
using System.Xml.Linq;

namespace Architecture.Tests;

/// <summary>The work tree that these tests read. Paths are relative to its root, with slashes.</summary>
internal static class Repository
{
    private static readonly TimeSpan ProcessBound = TimeSpan.FromMinutes(5);
    private static readonly string[] NotSource = ["bin", "obj", "node_modules", ".git"];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<Project> Projects { get; } =
        [.. Files(".csproj").Order(StringComparer.Ordinal).Select(file => new Project(file, XDocument.Load(Full(file))))];

    public static IEnumerable<Project> ProductProjects =>
        Projects.Where(project => project.File.StartsWith("src/", StringComparison.Ordinal));

    public static string Full(string path) => Path.Combine(Root, path);

    /// <summary>Every file with this ending that is source: what builds and installs leave behind is not.</summary>
    public static IEnumerable<string> Files(string ending, string under = "") => Walk(new DirectoryInfo(Full(under)))
        .Where(file => file.Name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        .Select(file => Path.GetRelativePath(Root, file.FullName).Replace('\\', '/'));

    /// <summary>What git tracks, or null when this is not a git checkout.</summary>
    public static IReadOnlyList<string>? TrackedFiles()
    {
        try
        {
            var (exit, output) = Run("git", "ls-files", "-z");
            return exit == 0 ? output.Split('\0', StringSplitOptions.RemoveEmptyEntries) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no git on this machine
        }
    }

    public static (int Exit, string Output) Run(string program, params string[] arguments) => RunIn(Root, program, arguments);

    public static (int Exit, string Output) RunIn(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The outer `dotnet test` hands down where it keeps its own MSBuild; a dotnet started from here finds that itself.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(ProcessBound))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{program} {string.Join(' ', arguments)}' still ran after {ProcessBound}.");
        }
        return (process.ExitCode, output.Result + error.Result);
    }

    private static IEnumerable<FileInfo> Walk(DirectoryInfo folder) =>
    [
        .. folder.EnumerateFiles(),
        .. folder.EnumerateDirectories().Where(inner => !NotSource.Contains(inner.Name)).SelectMany(Walk),
    ];

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Functions.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Functions.sln.");
    }
}

internal sealed record Project(string File, XDocument Xml)
{
    public string Folder { get; } = Path.GetDirectoryName(File)!.Replace('\\', '/');

    public string Assembly { get; } = (string?)Xml.Descendants("AssemblyName").FirstOrDefault() ?? Path.GetFileNameWithoutExtension(File);

    /// <summary>The test kit runs on AzureLocal in whatever build, and refuses to be made in the other.</summary>
    public bool IsLocalOnly => IsAzureLocal || File == "src/Testing/Testing.csproj";

    public bool IsAzureLocal => File.StartsWith("src/AzureLocal/", StringComparison.Ordinal);

    public IReadOnlyList<string> AzurePackages => [.. Includes("AzurePackage")];

    public IReadOnlyList<string> PackageReferences => [.. Includes("PackageReference")];

    /// <summary>The project files that it references itself.</summary>
    public IReadOnlyList<string> ProjectReferences => [.. Includes("ProjectReference")
        .Select(include => Path.GetFullPath(Path.Combine(Repository.Full(Folder), include.Replace('\\', '/'))))
        .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))];

    public override string ToString() => File;

    private IEnumerable<string> Includes(string item) =>
        Xml.Descendants(item).Select(element => (string?)element.Attribute("Include")).OfType<string>();
}
