using System.Text.Json;

namespace Architecture.Tests.AzureBuild;

/// <summary>How MSBuild calls the compiler for a project in the default build: options, references, source generators.</summary>
internal sealed class CompilerCall
{
    private readonly string folder;
    private readonly string compiler;
    private readonly string[] options;

    private CompilerCall(Project project)
    {
        folder = Repository.Full(project.Folder);
        var (exit, output) = Repository.Run("dotnet", "msbuild", project.File, "-t:Compile", "-getItem:CscCommandLineArgs", "-getProperty:RoslynTargetsPath",
            "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true", "-p:NonExistentFile=none", "-p:BuildProjectReferences=false");
        Assert.True(exit == 0, output);
        var answer = JsonDocument.Parse(output).RootElement;
        compiler = Path.Combine(answer.GetProperty("Properties").GetProperty("RoslynTargetsPath").GetString()!, "bincore", "csc.dll");

        var words = answer.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!).ToArray();
        Assert.True(words is not [], $"MSBuild did not say how it compiles {project}.");
        options = [.. words.Where(word => word.StartsWith('/') && !Path.Exists(word)).Where(word => !IsReplaced(word))];
        References = [.. words.Where(word => word.StartsWith("/reference:", StringComparison.Ordinal)).Select(word => word["/reference:".Length..].Trim('"'))];
        // What the SDK writes into obj/ (global usings, attributes of the assembly) is the same in both builds.
        GeneratedSources = [.. words.Select(word => word.Trim('"')).Where(word => word.StartsWith("obj", StringComparison.Ordinal)).Select(word => Path.GetFullPath(word, folder))];
    }

    public static CompilerCall Of(Project project) => new(project);

    public IReadOnlyList<string> References { get; }

    public IReadOnlyList<string> GeneratedSources { get; }

    /// <summary>Calls the SDK's compiler with the same options, and returns the errors that it finds.</summary>
    public string[] Compile(IEnumerable<string> sources, IEnumerable<string> references, string into)
    {
        var response = into + ".rsp";
        File.WriteAllLines(response,
        [
            .. options, "/skipanalyzers+", $"/out:\"{into}\"",
            .. references.Select(file => $"/reference:\"{file}\""),
            .. sources.Concat(GeneratedSources).Select(file => $"\"{file}\""),
        ]);
        var (exit, output) = Repository.RunIn(folder, "dotnet", "exec", compiler, "/noconfig", "@" + response);
        string[] errors = [.. output.Split('\n').Where(line => line.Contains(": error ", StringComparison.Ordinal) || line.StartsWith("error ", StringComparison.Ordinal))];
        Assert.True(exit == 0 || errors is not [], output);
        return errors;
    }

    private static bool IsReplaced(string word) =>
        new[] { "/noconfig", "/reference:", "/out:", "/refout:", "/doc:", "/embed:", "/sourcelink:", "/skipanalyzers", "/pdb:" }
            .Any(start => word.StartsWith(start, StringComparison.Ordinal));
}
