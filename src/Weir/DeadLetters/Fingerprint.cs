using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Weir.DeadLetters;

/// <summary>
/// One name for failures that have one cause: a hash of the job type, the error's type, its message and the topmost frames of the job's own
/// code, without what differs from job to job (ids, numbers, quoted values) or from build to build (line numbers).
/// </summary>
internal static partial class Fingerprint
{
    /// <summary>In hexadecimal digits: 64 bits, so that a million causes share one with a chance of 1 in 30 million.</summary>
    public const int Length = 16;

    private const int MaxMessage = 1_000;
    private const int Frames = 3;

    private static readonly string[] NotOurs = ["System.", "Microsoft.", "Azure.", "Weir."];

    public static string Of(string jobType, string errorType, string message, string? stack)
    {
        var text = string.Join('\n', [jobType, errorType, Normalise(message), .. FramesOf(stack)]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..Length];
    }

    /// <summary>The first line of a message, with a mark in place of each value.</summary>
    public static string Normalise(string message)
    {
        var end = message.AsSpan().IndexOfAny('\r', '\n');
        var line = end < 0 ? message : message[..end];
        if (line.Length > MaxMessage)
            line = line[..MaxMessage];
        line = Quoted().Replace(line, "'*'");
        line = Uuid().Replace(line, "*");
        line = Hexadecimal().Replace(line, "*");
        line = Number().Replace(line, "*");
        return Spaces().Replace(line, " ").Trim();
    }

    /// <summary>The topmost methods of the job's own code, or the topmost of all when none is.</summary>
    public static IReadOnlyList<string> FramesOf(string? stack)
    {
        if (stack is null)
            return [];
        var all = Frame().Matches(stack).Select(match => Number().Replace(match.Groups["method"].Value, "*")).ToArray();
        var ours = all.Where(method => !NotOurs.Any(prefix => method.StartsWith(prefix, StringComparison.Ordinal))).Take(Frames).ToArray();
        return ours.Length > 0 ? ours : [.. all.Take(Frames)];
    }

    // A quote inside a word is an apostrophe.
    [GeneratedRegex("""(?<!\w)"[^"]*"|(?<!\w)'[^']*'(?!\w)|`[^`]*`|“[^”]*”""")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")]
    private static partial Regex Uuid();

    // Eight digits or more with at least one decimal among them, so that no word is taken for a number.
    [GeneratedRegex(@"\b0[xX][0-9a-fA-F]+\b|\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"[0-9]+(?:[.,:][0-9]+)*")]
    private static partial Regex Number();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"^\s+at (?<method>[^\s(]+)", RegexOptions.Multiline)]
    private static partial Regex Frame();
}
