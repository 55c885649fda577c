namespace Weir.Catalog;

/// <summary>One thing wrong with a payload. <paramref name="Pointer"/> is a JSON pointer (RFC 6901); "" is the payload itself.</summary>
public readonly record struct ContractError(string Pointer, string Detail)
{
    /// <summary>As many as one answer tells: a body of a mebibyte has room for two hundred thousand.</summary>
    internal const int Most = 50;
}
