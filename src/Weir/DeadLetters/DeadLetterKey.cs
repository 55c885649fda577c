using System.Globalization;

namespace Weir.DeadLetters;

/// <summary>
/// Where a dead letter lies in the catalogue: (month, inverted time of death + id), so that the newest comes first within a month. It follows
/// from what is on the receipt, so whoever writes the entry a second time writes the same row.
/// </summary>
internal readonly record struct DeadLetterKey(string Month, string Row)
{
    private const string MonthFormat = "yyyyMM";

    public static DeadLetterKey Of(DateTimeOffset diedAt, string id) => new(MonthOf(diedAt), $"{Inverted(diedAt)}-{id}");

    public static string MonthOf(DateTimeOffset time) => time.UtcDateTime.ToString(MonthFormat, CultureInfo.InvariantCulture);

    /// <summary>The month before; null for a text that is no month.</summary>
    public static string? MonthBefore(string month) =>
        TryReadMonth(month, out var first) && first > DateTime.MinValue ? first.AddMonths(-1).ToString(MonthFormat, CultureInfo.InvariantCulture) : null;

    public static bool IsMonth(string text) => TryReadMonth(text, out _);

    /// <summary>Begins the row key of a death at this time; a later time sorts before it.</summary>
    public static string Inverted(DateTimeOffset time) => (DateTimeOffset.MaxValue.UtcTicks - time.UtcTicks).ToString("D19", CultureInfo.InvariantCulture);

    public static DeadLetterKey Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 ? new(text[..slash], text[(slash + 1)..]) : throw new FormatException($"'{text}' is no key of a dead letter.");
    }

    public override string ToString() => $"{Month}/{Row}";

    private static bool TryReadMonth(string text, out DateTime first) =>
        DateTime.TryParseExact(text, MonthFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out first);
}
