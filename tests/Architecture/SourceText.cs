namespace Architecture.Tests;

internal static class SourceText
{
    /// <summary>
    /// The lines of a C# file that are neither blank nor comment. A comment after code goes along with its line, but for the text
    /// of a line comment; a block comment is known by the start of its lines, as this house writes none inside a line of code.
    /// </summary>
    public static IEnumerable<(int Number, string Text)> CodeLines(string file)
    {
        var inBlock = false;
        foreach (var (index, line) in File.ReadLines(Repository.Full(file)).Index())
        {
            var text = line.Trim();
            inBlock |= text.StartsWith("/*", StringComparison.Ordinal);
            if (!inBlock && text.Length > 0 && !text.StartsWith("//", StringComparison.Ordinal))
                yield return (index + 1, text.Split(" // ")[0]);
            inBlock &= !text.EndsWith("*/", StringComparison.Ordinal);
        }
    }
}
