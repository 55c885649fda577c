using System.Reflection;
using System.Text.RegularExpressions;

namespace BlackBox.Tests.BadInput;

/// <summary>A route of the function app. No method: it takes them all.</summary>
internal sealed record Route(string[] Methods, string Template)
{
    public override string ToString() => $"{string.Join(',', Methods)} {Template}";
}

/// <summary>
/// Every route, from the source of its triggers: a new one is under fire without anybody remembering it. The assembly cannot be asked instead, for nothing of the
/// app is loaded here.
/// </summary>
internal static partial class Routes
{
    public static IReadOnlyList<Route> All { get; } = [.. Read()];

    private static IEnumerable<Route> Read()
    {
        var folder = typeof(Routes).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Triggers").Value!;
        foreach (var file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var source = File.ReadAllText(file);
            var triggers = Trigger().Matches(source);
            if (triggers.Count != Mention().Count(source))
                throw new InvalidOperationException($"{file} has a trigger that is not understood here.");
            foreach (Match trigger in triggers)
                yield return new Route([.. trigger.Groups["method"].Captures.Select(one => one.Value)], trigger.Groups["route"].Value);
        }
    }

    [GeneratedRegex("""\[HttpTrigger\(AuthorizationLevel\.\w+(,\s*"(?<method>[a-z]+)")*,\s*Route = "(?<route>[^"]+)"\)\]""")]
    private static partial Regex Trigger();

    [GeneratedRegex(@"\[HttpTrigger\b")]
    private static partial Regex Mention();
}
