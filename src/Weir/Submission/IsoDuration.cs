using System.Globalization;
using System.Text.RegularExpressions;

namespace Weir.Submission;

/// <summary>
/// Durations as ISO 8601 writes them: P1DT2H, PT0.5S, P2W. Years and months are none of it: how long they are depends on when they
/// begin, and nobody would guess which answer was taken.
/// </summary>
internal static partial class IsoDuration
{
    public static bool TryRead(string text, out TimeSpan duration)
    {
        duration = default;
        if (Form().Match(text) is not { Success: true } match)
            return false;

        var days = 7 * Number(match, "w") + Number(match, "d");
        var seconds = ((days * 24 + Number(match, "h")) * 60 + Number(match, "m")) * 60 + Number(match, "s");
        duration = TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond));
        return true;
    }

    /// <summary>Decimal, since PT0.0000003S is three ticks, and as a double two.</summary>
    private static decimal Number(Match match, string part) =>
        match.Groups[part] is { Success: true } group ? decimal.Parse(group.ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) : 0;

    // Six digits of weeks are 19,000 years, which a TimeSpan holds. "P" and "PT" alone say nothing.
    [GeneratedRegex(@"^P(?!$)(?:(?<w>[0-9]{1,6})W|(?:(?<d>[0-9]{1,6})D)?(?:T(?!$)(?:(?<h>[0-9]{1,6})H)?(?:(?<m>[0-9]{1,6})M)?(?:(?<s>[0-9]{1,6}(?:\.[0-9]{1,7})?)S)?)?)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
