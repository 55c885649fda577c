using System.Globalization;
using System.Text;

namespace Azure.Data.Tables;

/// <summary>Makes a filter of an interpolated string: every value becomes a literal of its type, quoted and escaped.</summary>
internal static class QueryText
{
    public static string? Of(FormattableString? filter)
    {
        if (filter is null)
            return null;
        var literals = new object[filter.ArgumentCount];
        for (var i = 0; i < literals.Length; i++)
            literals[i] = Literal(filter.GetArgument(i), i);
        return string.Format(CultureInfo.InvariantCulture, filter.Format, literals);
    }

    private static string Literal(object? value, int index) => value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        long or ulong => string.Create(CultureInfo.InvariantCulture, $"{value}L"),
        sbyte or byte or short or ushort or int or uint or decimal or float or double =>
            string.Create(CultureInfo.InvariantCulture, $"{value}"),
        Guid guid => $"guid'{guid}'",
        byte[] bytes => $"X'{Convert.ToHexString(bytes)}'",
        BinaryData data => $"X'{Convert.ToHexString(data)}'",
        DateTimeOffset time => $"datetime'{EdmText.Of(time)}'",
        DateTime time => $"datetime'{EdmText.Of(new DateTimeOffset(time))}'",
        string or char or StringBuilder => $"'{EdmText.Quoted(value.ToString()!)}'",
        _ => throw new ArgumentException($"Argument {index} is a {value.GetType()}, for which there is no OData literal.", "filter"),
    };
}
