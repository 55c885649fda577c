namespace Weir.Submission;

/// <summary>
/// The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): a Structured Field string, so in quotes; most
/// clients send it bare, and both are taken.
/// </summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";
    public const int MaxLength = 256;

    /// <summary>False, with what is wrong, when the header is there but no key.</summary>
    public static bool TryRead(Microsoft.Extensions.Primitives.StringValues header, out string? key, out string? wrong)
    {
        key = null;
        wrong = null;
        if (header.Count == 0)
            return true;
        if (header.Count > 1)
        {
            wrong = $"{Header} was sent {header.Count} times; send one.";
            return false;
        }

        var text = header[0]!.Trim();
        if (text.StartsWith('"'))
        {
            if (!TryUnquote(text, out text))
            {
                wrong = $"{Header} begins with a quote and is no quoted string (RFC 9651, 3.3.3).";
                return false;
            }
        }
        if (text.Length is 0 or > MaxLength)
        {
            wrong = $"{Header} has {text.Length} characters; expected 1 to {MaxLength}.";
            return false;
        }
        if (text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            wrong = $"{Header} may hold printable ASCII only.";
            return false;
        }
        key = text;
        return true;
    }

    private static bool TryUnquote(string text, out string content)
    {
        var plain = new System.Text.StringBuilder(text.Length);
        for (var index = 1; index < text.Length; index++)
        {
            if (text[index] == '"')
            {
                content = plain.ToString();
                return index == text.Length - 1;
            }
            if (text[index] == '\\' && (++index == text.Length || text[index] is not ('"' or '\\')))
                break;
            plain.Append(text[index]);
        }
        content = "";
        return false;
    }
}
