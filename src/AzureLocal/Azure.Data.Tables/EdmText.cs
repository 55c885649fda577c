using System.Globalization;

namespace Azure.Data.Tables;

/// <summary>How the service writes values whose type JSON or a filter cannot tell.</summary>
internal static class EdmText
{
    /// <summary>UTC with seven digits, <c>2026-11-21T22:22:42.1234567Z</c>: the 100 ns that the service keeps.</summary>
    public static string Of(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    public static DateTimeOffset Time(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    /// <summary>Inside quotes, in a filter or in an entity's address, a quote is doubled.</summary>
    public static string Quoted(string text) => text.Replace("'", "''", StringComparison.Ordinal);
}
