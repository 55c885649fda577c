using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace Weir.Api;

/// <summary>
/// Reads JSON that anybody may have written. <see cref="JsonDocument"/> looks into its texts only when it is asked for them, and then throws something else than
/// <see cref="JsonException"/> at bytes that are no UTF-8 and at half a surrogate pair; so they are looked for here, before anybody asks.
/// </summary>
internal static class JsonText
{
    private const int MaxDetail = 300;

    /// <returns>The document, or the problem to answer with; exactly one of them is null.</returns>
    public static (JsonDocument? Document, IResult? Problem) Parse(ReadOnlyMemory<byte> text, JsonDocumentOptions options)
    {
        if (WhatIsWrong(text.Span) is { } wrong)
            return (null, Problem.MalformedJson(wrong));
        try
        {
            return (JsonDocument.Parse(text, options), null);
        }
        catch (JsonException malformed)
        {
            // It may hold a name from the body, as long as the body lets it be.
            return (null, Problem.MalformedJson(malformed.Message.Length <= MaxDetail ? malformed.Message : $"{malformed.Message[..MaxDetail]}…"));
        }
    }

    private static string? WhatIsWrong(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
            return "The body is not valid UTF-8.";
        return HasHalfPair(text) ? "A string holds half of a surrogate pair (\\ud800 to \\udfff), which is no character." : null;
    }

    /// <summary>Backslashes stand in strings only; what is no escape at all is left to the parser.</summary>
    private static bool HasHalfPair(ReadOnlySpan<byte> text)
    {
        while (text.IndexOf((byte)'\\') is var at and >= 0)
        {
            text = text[at..];
            if (!TryReadUnit(text, out var unit))
            {
                text = text[Math.Min(2, text.Length)..];
                continue;
            }
            text = text[6..];
            if (!char.IsSurrogate(unit))
                continue;
            if (!char.IsHighSurrogate(unit) || !TryReadUnit(text, out var low) || !char.IsLowSurrogate(low))
                return true;
            text = text[6..];
        }
        return false;
    }

    private static bool TryReadUnit(ReadOnlySpan<byte> text, out char unit)
    {
        unit = default;
        if (text.Length < 6 || text[0] != '\\' || text[1] != 'u' || !ushort.TryParse(text[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            return false;
        unit = (char)code;
        return true;
    }
}
