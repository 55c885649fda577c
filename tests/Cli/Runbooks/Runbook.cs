using System.Reflection;
using System.Text.RegularExpressions;

namespace Cli.Tests.Runbooks;

/// <summary>A page of docs/operations. Its commands are the lines of its code blocks that begin with weir.</summary>
internal static partial class Runbook
{
    /// <summary>The trait of a test that rehearses the page which it names.</summary>
    public const string Trait = "Runbook";

    private static readonly string Folder = Path.Combine(FindRoot(AppContext.BaseDirectory), "docs", "operations");

    public static string[] Pages => [.. Directory.GetFiles(Folder, "*.md").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    /// <summary>The pages that tests of this assembly rehearse.</summary>
    public static string[] Rehearsed =>
    [
        .. typeof(Runbook).Assembly.GetTypes().SelectMany(type => type.GetMethods()).SelectMany(method => method.GetCustomAttributes<TraitAttribute>())
            .Where(trait => trait.Name == Trait).Select(trait => trait.Value).Order(StringComparer.Ordinal),
    ];

    /// <summary>As they stand there, but for the placeholders (TYPE, JOB, …), which are filled.</summary>
    public static IReadOnlyList<string> CommandsOf(string page, params (string Name, string Value)[] values)
    {
        var commands = File.ReadLines(Path.Combine(Folder, $"{page}.md")).Select(line => CommandLine().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value.Trim())
            .Select(line => values.Aggregate(line, (text, value) => Regex.Replace(text, $@"\b{value.Name}\b", value.Value))).ToArray();
        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.False(Placeholder().IsMatch(Quoted().Replace(command, "")), $"{page}: what is to stand in '{command}'?"));
        return commands;
    }

    public static string[] Words(string command) => [.. WordOrQuoted().Matches(command).Select(match => match.Value.Trim('"', '\''))];

    private static string FindRoot(string folder) => File.Exists(Path.Combine(folder, "Functions.sln")) ? folder : FindRoot(Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("There is no Functions.sln above the tests."));

    [GeneratedRegex(@"^ {4,}weir (.+)$")]
    private static partial Regex CommandLine();

    [GeneratedRegex("\"[^\"]*\"|'[^']*'|\\S+")]
    private static partial Regex WordOrQuoted();

    [GeneratedRegex("\"[^\"]*\"|'[^']*'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\b[A-Z]{3,}\b")]
    private static partial Regex Placeholder();
}
