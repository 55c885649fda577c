using System.Text.RegularExpressions;

namespace Architecture.Tests;

/// <summary>What a page points to is there: files, headings, and the tests that it names as proof.</summary>
public sealed partial class LinkTests
{
    private static readonly string[] Pages = [.. Repository.Files(".md").Where(page => !page.Contains("/vendor/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_link_within_the_repository_leads_somewhere()
    {
        var broken =
            from page in Pages
            from line in Lines(page).Index()
            from Match link in Link().Matches(CodeSpan().Replace(line.Item, ""))
            let target = link.Groups["target"].Value
            where !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal) && !Resolves(page, target)
            select $"  {page}:{line.Index + 1}: {target}";
        Expect.None(broken, "These links lead nowhere:");
    }

    /// <summary>A claim about security names the test that holds it, as Class.Method_with_underscores.</summary>
    [Fact]
    public void Every_test_that_a_page_names_is_there()
    {
        var tests = Repository.Files(".cs", "tests").SelectMany(file => TestName().Matches(File.ReadAllText(Repository.Full(file))).Select(match => $"{ClassOf(file)}.{match.Groups[1].Value}")).ToHashSet(StringComparer.Ordinal);
        var missing =
            from page in Pages
            from line in Lines(page).Index()
            from Match named in NamedTest().Matches(line.Item)
            where !tests.Contains(named.Groups[1].Value)
            select $"  {page}:{line.Index + 1}: {named.Groups[1].Value}";
        Expect.None(missing, "There are no such tests:");
    }

    [Fact]
    public void Every_row_of_the_security_page_names_its_test()
    {
        var bare =
            from line in Lines("docs/security.md").Index()
            where line.Item.StartsWith("| ", StringComparison.Ordinal) && line.Item.EndsWith(" |", StringComparison.Ordinal) && IsClaim(line.Item)
            where !NamedTest().IsMatch(line.Item) && !line.Item.Contains("not tested", StringComparison.Ordinal)
            select $"  docs/security.md:{line.Index + 1}: {line.Item[..Math.Min(line.Item.Length, 100)]}";
        Expect.None(bare, "A claim names the test that holds it, or says that it is not tested:");

        // Tables of claims end in a column of tests; the others (who, what he may do) do not.
        static bool IsClaim(string row) => row.Split(" | ").Length == 2 && !row.StartsWith("| claim", StringComparison.Ordinal);
    }

    /// <summary>A heading is linked by its words: lower case, dashes for spaces, nothing else.</summary>
    private static bool Resolves(string page, string target)
    {
        var (path, anchor) = target.Split('#') is [var file, var heading] ? (file, heading) : (target, "");
        var full = path.Length == 0 ? Repository.Full(page) : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.Full(page))!, Uri.UnescapeDataString(path)));
        if (!File.Exists(full) && !Directory.Exists(full))
            return false;
        return anchor.Length == 0 || !full.EndsWith(".md", StringComparison.Ordinal)
            || Lines(Path.GetRelativePath(Repository.Root, full)).Any(line => line.StartsWith('#') && Anchor(line.TrimStart('#').Trim()) == anchor);
    }

    private static string Anchor(string heading) => NotInAnchor().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    /// <summary>Without what stands in a block of code.</summary>
    private static string[] Lines(string page)
    {
        var isCode = false;
        return [.. File.ReadLines(Repository.Full(page)).Select(line =>
        {
            isCode ^= line.StartsWith("```", StringComparison.Ordinal);
            return isCode || line.StartsWith("    ", StringComparison.Ordinal) ? "" : line;
        })];
    }

    /// <summary>AccessTests.Isolation.cs holds a part of AccessTests.</summary>
    private static string ClassOf(string file) => Path.GetFileName(file).Split('.')[0];

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"\[[^\]]*\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"public (?:async )?(?:Task|void) ([A-Z]\w*)\(")]
    private static partial Regex TestName();

    [GeneratedRegex(@"`(\w+Tests\.\w+_\w+)`")]
    private static partial Regex NamedTest();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
