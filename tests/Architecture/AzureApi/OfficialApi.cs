namespace Architecture.Tests.AzureApi;

/// <summary>The official API lists that one assembly stands for, and what is wrong with an assembly that claims to be a subset.</summary>
internal sealed class OfficialApi
{
    private const string Folder = "tests/Architecture/azure-api";

    /// <summary>Packages whose name does not tell what stands in for them: Microsoft.DurableTask.* throws an exception of this one.</summary>
    private static readonly Dictionary<string, string> ElsewhereNamed = new(StringComparer.Ordinal)
    {
        ["Microsoft.Azure.DurableTask.Core"] = "Microsoft.DurableTask",
    };

    private readonly HashSet<string> lines;
    private readonly ILookup<string, string> byName;

    private OfficialApi(IEnumerable<string> lines)
    {
        this.lines = lines.ToHashSet(StringComparer.Ordinal);
        byName = this.lines.ToLookup(NameOf, StringComparer.Ordinal);
    }

    public bool IsEmpty => lines.Count == 0;

    /// <summary>The lists named like the assembly, or like it with a dot and more: one assembly may stand for several packages.</summary>
    public static OfficialApi Of(string assembly) => new(Packages()
        .Where(package => ElsewhereNamed.GetValueOrDefault(package, package) is var name
            && (name == assembly || name.StartsWith(assembly + ".", StringComparison.Ordinal)))
        .SelectMany(Lines));

    public static IEnumerable<string> Packages() => Repository.Files(".txt", Folder).Select(file => Path.GetFileNameWithoutExtension(file));

    public static IEnumerable<string> Lines(string package) => Read(package).Where(line => line.Length > 0 && line[0] != '#');

    /// <summary>The version that the head of the list states, or null where it was read from several.</summary>
    public static string? Version(string package) => Read(package)
        .Select(line => line.Split(' '))
        .Where(words => words is ["#", var name, var version] && name == package && char.IsAsciiDigit(version[0]))
        .Select(words => words[2])
        .FirstOrDefault();

    /// <summary>One paragraph for each line that the official API lacks, with the official line that comes nearest.</summary>
    public IEnumerable<string> Complaints(IReadOnlyCollection<string> local) =>
        [.. local.Where(line => !lines.Contains(line)).Select(Unknown), .. MissingAttributes(local)];

    /// <summary>What whoever derives from this abstract class or interface must implement.</summary>
    public IEnumerable<string> AbstractMembersOf(string type)
    {
        var isInterface = lines.Any(line => line.StartsWith($"type {type} : interface", StringComparison.Ordinal));
        return lines
            .Where(line => line.StartsWith("method ", StringComparison.Ordinal) || line.StartsWith("property ", StringComparison.Ordinal))
            .Where(line => NameOf(line) is var name && name.LastIndexOf('.') == type.Length && name.StartsWith(type, StringComparison.Ordinal))
            .Where(line => isInterface ? !line.Contains(" [default]") && !line.Contains(" [static]") : line.Contains(" [abstract]"));
    }

    /// <summary>
    /// What local does without is no harm, but for attributes: a call of what is officially obsolete would compile only against local.
    /// </summary>
    private IEnumerable<string> MissingAttributes(IReadOnlyCollection<string> local)
    {
        var have = local.ToHashSet(StringComparer.Ordinal);
        var subjects = local.Select(AfterKind).Concat(local.Where(IsType).Select(NameOf)).ToHashSet(StringComparer.Ordinal);
        return lines
            .Where(line => line.StartsWith("attribute ", StringComparison.Ordinal) && !have.Contains(line))
            .Where(line => subjects.Contains(AfterKind(line)[..(AfterKind(line).LastIndexOf(" : ", StringComparison.Ordinal))]))
            .Select(line => $"  local lacks: {line}");
    }

    private string Unknown(string line)
    {
        var nearest = byName[NameOf(line)].MaxBy(official => Likeness(line, official));
        return $"""
              local:       {line}
              official:    {nearest ?? "nothing of this name"}
            """;
    }

    private static IEnumerable<string> Read(string package) => File.ReadLines(Path.Combine(Repository.Full(Folder), package + ".txt"));

    private static bool IsType(string line) => line.StartsWith("type ", StringComparison.Ordinal);

    private static string AfterKind(string line) => line[(line.IndexOf(' ') + 1)..];

    /// <summary>The type or member that a line is about, without its kind and its signature.</summary>
    private static string NameOf(string line)
    {
        var rest = AfterKind(line);
        var end = new[] { "(", " : ", " = " }.Select(mark => rest.IndexOf(mark, StringComparison.Ordinal)).Where(at => at > 0);
        return rest[..end.Append(rest.Length).Min()];
    }

    /// <summary>How many characters two lines share at their ends: enough to pick the overload that was meant.</summary>
    private static int Likeness(string one, string other)
    {
        var most = Math.Min(one.Length, other.Length);
        var head = Enumerable.Range(0, most).TakeWhile(i => one[i] == other[i]).Count();
        return head + Enumerable.Range(1, most - head).TakeWhile(i => one[^i] == other[^i]).Count();
    }
}
