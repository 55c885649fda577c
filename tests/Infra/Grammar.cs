using System.Collections.Concurrent;
using System.Text.Json;

namespace Infra.Tests;

/// <summary>
/// The programs in grammar/: they parse Bicep with the grammar of tree-sitter, and read YAML. Installed by npm at the first run. Without
/// Node 20 the tests that need them are skipped, but not in CI: there they fail.
/// </summary>
internal static class Grammar
{
    private const string Folder = "tests/Infra/grammar";

    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    private static readonly Lazy<string?> WhyNot = new(Install);

    /// <summary>Trees by what they were parsed from: a copy with one mistake is parsed in that one file only.</summary>
    private static readonly ConcurrentDictionary<(string Ending, string Text), Node> Parsed = new();

    public static IReadOnlyDictionary<string, Node> Parse(IReadOnlyCollection<string> files)
    {
        var texts = files.ToDictionary(file => file, file => (Path.GetExtension(file), File.ReadAllText(file)), StringComparer.Ordinal);
        if (files.Where(file => !Parsed.ContainsKey(texts[file])).ToArray() is { Length: > 0 } unknown)
        {
            foreach (var line in Run("parse.mjs", unknown))
                Parsed[texts[line[0].GetString()!]] = line[1].Deserialize<Node>(Web)!;
        }
        return texts.ToDictionary(text => text.Key, text => Parsed[text.Value], StringComparer.Ordinal);
    }

    /// <summary>Parses many texts at once, for later: starting Node takes longer than parsing.</summary>
    public static void Prepare(IEnumerable<(string Ending, string Text)> texts)
    {
        var folder = Directory.CreateTempSubdirectory("weir-grammar-");
        try
        {
            foreach (var (index, (ending, text)) in texts.Index())
                File.WriteAllText(Path.Combine(folder.FullName, $"{index}{ending}"), text);
            Parse([.. Directory.EnumerateFiles(folder.FullName)]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    public static JsonElement Yaml(string file) => Run("yaml.mjs", [file]).Single()[1];

    private static JsonElement[] Run(string script, IEnumerable<string> files)
    {
        if (WhyNot.Value is { } reason)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", reason);
            Assert.Skip(reason);
        }
        var (exit, output) = Repository.Run("node", [$"{Folder}/{script}", .. files]);
        Assert.True(exit == 0, output);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];
    }

    /// <summary>Installs what the lock file names, once: a copy of the lock beside node_modules tells for which lock that is done.</summary>
    private static string? Install()
    {
        var folder = Repository.Full(Folder);
        var wanted = File.ReadAllText(Path.Combine(folder, "package-lock.json"));
        var done = Path.Combine(folder, "node_modules", ".installed-lock.json");
        if (File.Exists(done) && File.ReadAllText(done) == wanted)
            return null;
        try
        {
            var (exit, output) = Repository.RunIn(folder, OperatingSystem.IsWindows() ? "npm.cmd" : "npm", "ci", "--ignore-scripts");
            if (exit != 0)
                return $"npm ci could not install the grammar of Bicep: {output}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "The tests of infra/ need Node: install Node 20 or newer to run them.";
        }
        File.WriteAllText(done, wanted);
        return null;
    }
}
