using System.Text.RegularExpressions;

namespace Weir.Schedules;

/// <summary>Finds time zones by their IANA names, or by the names that Windows gives them.</summary>
internal static partial class TimeZones
{
    public const string Utc = "UTC";
    public const int MaxLength = 64;

    private const int MostSuggestions = 5;

    /// <summary>Whether this machine has time zone data at all: without it (a container image without tzdata) only UTC is there.</summary>
    public static bool HasData => Lookup("Europe/Berlin") is not null || Lookup("America/New_York") is not null;

    /// <summary>Null when there is no such zone on this machine.</summary>
    public static TimeZoneInfo? Find(string name)
    {
        if (name == Utc)
            return TimeZoneInfo.Utc;
        // A name is part of a path there; "right" and "posix" hold the same zones by other clocks; the rest means this machine's own zone.
        if (!ValidName().IsMatch(name) || name.Contains("..", StringComparison.Ordinal) || name.StartsWith("right/", StringComparison.Ordinal) || name.StartsWith("posix/", StringComparison.Ordinal)
            || name is "localtime" or "posixrules" or "Local" or "Factory")
            return null;
        return Lookup(name) ?? (WindowsTimeZones.IanaOf(name) is { } iana ? Lookup(iana) : null);
    }

    /// <summary>What somebody may have meant.</summary>
    public static IReadOnlyList<string> Near(string name)
    {
        if (name.Length is 0 or > MaxLength)
            return [];
        var city = name[(name.LastIndexOf('/') + 1)..];
        var near =
            from known in TimeZoneInfo.GetSystemTimeZones().Select(zone => zone.Id).Concat(WindowsTimeZones.Names).Where(one => Find(one) is not null)
            let distance = known.EndsWith($"/{city}", StringComparison.OrdinalIgnoreCase) ? 0 : Distance(name, known)
            where distance <= 1 + name.Length / 8
            orderby distance, known.Length, known
            select known;
        return [.. near.Distinct().Take(MostSuggestions)];
    }

    private static TimeZoneInfo? Lookup(string name)
    {
        try
        {
            // Another case of a name is found or not, depending on what was looked up before.
            return TimeZoneInfo.FindSystemTimeZoneById(name) is { } zone && zone.Id == name ? zone : null;
        }
        catch (Exception none) when (none is TimeZoneNotFoundException or InvalidTimeZoneException or UnauthorizedAccessException or System.Security.SecurityException or IOException)
        {
            return null;
        }
    }

    /// <summary>How many letters to change, add or leave out (Levenshtein), whatever their case.</summary>
    private static int Distance(string one, string other)
    {
        var row = new int[other.Length + 1];
        for (var column = 0; column <= other.Length; column++)
            row[column] = column;
        for (var line = 1; line <= one.Length; line++)
        {
            var diagonal = row[0];
            row[0] = line;
            for (var column = 1; column <= other.Length; column++)
            {
                var same = char.ToUpperInvariant(one[line - 1]) == char.ToUpperInvariant(other[column - 1]);
                (diagonal, row[column]) = (row[column], Math.Min(diagonal + (same ? 0 : 1), 1 + Math.Min(row[column], row[column - 1])));
            }
        }
        return row[^1];
    }

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9_+\-/ .()]{0,63}\z")]
    private static partial Regex ValidName();
}
