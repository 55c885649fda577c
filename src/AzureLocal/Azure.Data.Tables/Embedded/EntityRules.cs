using System.Buffers;
using System.Globalization;

namespace Azure.Data.Tables;

/// <summary>
/// The service's limits: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model.
/// </summary>
internal static class EntityRules
{
    public const int MaxProperties = 252;
    public const int MaxEntityBytes = 1 << 20;
    public const int MaxTransactionBytes = 4 << 20;
    public const int MaxChanges = 100;
    public const int MaxPage = 1_000;

    private const int MaxKeyLength = 512; // 1 KiB of UTF-16
    private const int MaxNameLength = 255;
    private const int MaxStringLength = 32 * 1024;
    private const int MaxBinaryLength = 64 * 1024;

    /// <summary>Before it Edm.DateTime has no values: <c>DateTime.MinValue</c>, the usual slip, is refused.</summary>
    private static readonly long FirstTicks = new DateTime(1601, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    private static readonly SearchValues<char> ForbiddenInKeys = SearchValues.Create(
    [
        '/', '\\', '#', '?',
        .. Enumerable.Range(0, 0x20).Select(static code => (char)code),
        .. Enumerable.Range(0x7f, 0x21).Select(static code => (char)code),
    ]);

    private static readonly SearchValues<char> AsciiInNames = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    public static TableError? CheckTableName(string name)
    {
        if (name.Length is < 3 or > 63)
            return TableError.OutOfRangeInput;
        var isReserved = name.Equals("tables", StringComparison.OrdinalIgnoreCase);
        return char.IsAsciiLetter(name[0]) && name.All(char.IsAsciiLetterOrDigit) && !isReserved ? null : TableError.InvalidResourceName;
    }

    public static TableError? CheckKey(string key)
    {
        if (key.Length > MaxKeyLength)
            return TableError.KeyValueTooLarge;
        return key.AsSpan().ContainsAny(ForbiddenInKeys) ? TableError.OutOfRangeInput : null;
    }

    /// <summary>C# identifiers: a letter or underscore, then letters, digits, underscores and marks.</summary>
    public static TableError? CheckPropertyName(string name)
    {
        if (name.Length > MaxNameLength)
            return TableError.PropertyNameTooLong;
        if (name.Length > 0 && !char.IsAsciiDigit(name[0]) && !name.AsSpan().ContainsAnyExcept(AsciiInNames))
            return null;
        for (var i = 0; i < name.Length; i++)
        {
            var valid = char.IsLetter(name[i]) || name[i] == '_' || (i > 0 && IsIdentifierPart(name[i]));
            if (!valid)
                return TableError.PropertyNameInvalid;
        }
        return name.Length == 0 ? TableError.PropertyNameInvalid : null;
    }

    public static TableError? CheckString(string value) => value.Length > MaxStringLength ? TableError.PropertyValueTooLarge : null;

    public static TableError? CheckBinary(ReadOnlySpan<byte> value) =>
        value.Length > MaxBinaryLength ? TableError.PropertyValueTooLarge : null;

    public static TableError? CheckTime(long utcTicks) => utcTicks < FirstTicks ? TableError.OutOfRangeInput : null;

    private static bool IsIdentifierPart(char letter) => char.GetUnicodeCategory(letter) is
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.Format;
}
