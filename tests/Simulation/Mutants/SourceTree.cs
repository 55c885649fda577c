namespace Simulation.Mutants;

/// <summary>A copy of src in a folder of its own, as it was built for this very process: one file of Weir is changed at a time, and only Weir is built again.</summary>
internal sealed class SourceTree : IDisposable
{
    private static readonly string[] Settings = ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", "host.json", ".editorconfig"];

    /// <summary>Debug or Release, as this process itself was built: the assemblies that Weir refers to are there already.</summary>
    private static readonly string Configuration = Directory.GetParent(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!.Name;

    private readonly string copy;

    private SourceTree(string copy) => this.copy = copy;

    /// <summary>The checkout that this process was built from.</summary>
    /// <exception cref="InvalidOperationException">It does not run from one.</exception>
    public static string Root { get; } = Ancestors(AppContext.BaseDirectory).FirstOrDefault(folder => File.Exists(Path.Combine(folder, "Functions.sln")))
        ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below a checkout.");

    public static string PathOf(string root, string file) => Path.Combine(root, "src", "Weir", file);

    public static SourceTree Copy(string to)
    {
        foreach (var setting in Settings)
            CopyFile(Path.Combine(Root, setting), Path.Combine(to, setting));
        CopyFolder(Path.Combine(Root, "src"), Path.Combine(to, "src"), skip: "runtimes");
        return new SourceTree(to);
    }

    /// <summary>Copies a folder as it is; a file's time says whether it is to be built again.</summary>
    public static void CopyFolder(string from, string to, string? skip = null)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            CopyFile(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(from).Where(folder => Path.GetFileName(folder) != skip))
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)), skip);
    }

    /// <summary>Builds Weir with the bug in it, and puts the file back.</summary>
    /// <returns>The path of the assembly.</returns>
    /// <exception cref="InvalidOperationException">It does not compile.</exception>
    public async Task<string> BuildAsync(Mutant mutant, CancellationToken cancellation)
    {
        var path = PathOf(copy, mutant.File);
        var source = await File.ReadAllTextAsync(path, cancellation);
        await File.WriteAllTextAsync(path, mutant.ApplyTo(source), cancellation);
        try
        {
            var (exitCode, output) = await Command.RunAsync(
                "dotnet",
                ["build", Path.Combine(copy, "src", "Weir"), "-c", Configuration, "--no-restore", "--no-dependencies", "-m:1", "-v:q", "-nologo", "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false"],
                cancellation);
            return exitCode == 0
                ? Path.Combine(copy, "src", "Weir", "bin", Configuration, "net10.0", "Weir.dll")
                : throw new InvalidOperationException($"'{mutant.Name}' does not compile:\n{output}");
        }
        finally
        {
            await File.WriteAllTextAsync(path, source, CancellationToken.None);
        }
    }

    public void Dispose() => Directory.Delete(copy, recursive: true);

    private static void CopyFile(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
        File.SetLastWriteTimeUtc(to, File.GetLastWriteTimeUtc(from));
    }

    private static IEnumerable<string> Ancestors(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
            yield return at.FullName;
    }
}
