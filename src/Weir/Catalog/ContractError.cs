namespace Weir.Catalog;

/// <summary>One thing wrong with a payload. <paramref name="Pointer"/> is a JSON pointer (RFC 6901); "" is the payload itself.</summary>
public readonly record struct ContractError(string Pointer, string Detail);
