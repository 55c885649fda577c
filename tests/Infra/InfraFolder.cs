using System.Text.Json;

namespace Infra.Tests;

/// <summary>The folder infra/, or a copy with a mistake in it.</summary>
internal sealed class InfraFolder
{
    private static readonly Lazy<InfraFolder> Committed = new(() => new InfraFolder(Repository.Full("infra")));

    private InfraFolder(string root)
    {
        Root = root;
        FileNames = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        var trees = Grammar.Parse([.. Directory.EnumerateFiles(root, "*.bicep*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)]);
        Files = [.. trees.Where(tree => tree.Key.EndsWith(".bicep", StringComparison.Ordinal)).Select(tree => new BicepFile(tree.Key, tree.Value))];
        ParameterFiles = [.. trees.Where(tree => tree.Key.EndsWith(".bicepparam", StringComparison.Ordinal)).Select(tree => new BicepFile(tree.Key, tree.Value))];
        Entities = Json("servicebus.json").GetProperty("UserConfig").GetProperty("Namespaces")[0];
        Groups = Json("functions.json").Deserialize<Dictionary<string, string[]>>()!;
        Roles = Json("roles.json").Deserialize<Dictionary<string, string>>()!;
    }

    /// <summary>As it lies in the repository.</summary>
    public static InfraFolder Real => Committed.Value;

    /// <summary>The same, read anew.</summary>
    public static InfraFolder Anew() => new(Repository.Full("infra"));

    public string Root { get; }

    /// <summary>Full paths: a copy is gone by the time it is checked.</summary>
    public IReadOnlySet<string> FileNames { get; }

    public IReadOnlyList<BicepFile> Files { get; }

    public IReadOnlyList<BicepFile> ParameterFiles { get; }

    /// <summary>The namespace of infra/servicebus.json.</summary>
    public JsonElement Entities { get; }

    public IReadOnlyDictionary<string, string[]> Groups { get; }

    public IReadOnlyDictionary<string, string> Roles { get; }

    public IEnumerable<string> Queues => Names("Queues");

    public IEnumerable<string> Topics => Names("Topics");

    public BicepFile this[string file] => Files.Single(one => Name(one) == file);

    public string Name(BicepFile file) => Path.GetRelativePath(Root, file.Path).Replace('\\', '/');

    /// <summary>A copy in which one text stands for another in one file, once.</summary>
    public static InfraFolder With(string file, string text, string instead)
    {
        var copy = Directory.CreateTempSubdirectory("weir-infra-");
        try
        {
            foreach (var original in Directory.EnumerateFiles(Repository.Full("infra"), "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(copy.FullName, Path.GetRelativePath(Repository.Full("infra"), original));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(original, target);
            }
            File.WriteAllText(Path.Combine(copy.FullName, file), Text(file, text, instead));
            return new InfraFolder(copy.FullName);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    /// <summary>The file's text with that one change.</summary>
    public static string Text(string file, string text, string instead)
    {
        var before = File.ReadAllText(Path.Combine(Repository.Full("infra"), file));
        Assert.Contains(text, before);
        var at = before.IndexOf(text, StringComparison.Ordinal);
        return before[..at] + instead + before[(at + text.Length)..];
    }

    private IEnumerable<string> Names(string kind) => Entities.GetProperty(kind).EnumerateArray().Select(entity => entity.GetProperty("Name").GetString()!);

    private JsonElement Json(string file) => JsonElement.Parse(File.ReadAllText(Path.Combine(Root, file)));
}
