using System.Globalization;
using System.Text.RegularExpressions;

namespace Capacity;

/// <summary>Durations as people write them (250ms, 2s, 1.5m, 1h, 2d) and as ISO 8601 does (PT2S).</summary>
public static partial class Durations
{
    public static bool TryRead(string text, out TimeSpan duration)
    {
        duration = default;
        if (Short().Match(text) is { Success: true } match)
        {
            var milliseconds = decimal.Parse(match.Groups["n"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) * match.Groups["unit"].Value switch
            {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => 86_400_000,
            };
            duration = TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond));
            return true;
        }
        if (Iso().Match(text) is not { Success: true } iso)
            return false;
        var seconds = ((Number(iso, "d") * 24 + Number(iso, "h")) * 60 + Number(iso, "m")) * 60 + Number(iso, "s");
        duration = TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));
        return true;
    }

    private static decimal Number(Match match, string part) =>
        match.Groups[part] is { Success: true } group ? decimal.Parse(group.ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?<n>[0-9]{1,6}(?:\.[0-9]{1,6})?)(?<unit>ms|s|m|h|d)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Short();

    [GeneratedRegex(@"^P(?!$)(?:(?<d>[0-9]{1,6})D)?(?:T(?!$)(?:(?<h>[0-9]{1,6})H)?(?:(?<m>[0-9]{1,6})M)?(?:(?<s>[0-9]{1,6}(?:\.[0-9]{1,7})?)S)?)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Iso();
}
