using System.Diagnostics.CodeAnalysis;
using Azure.Core;

namespace Azure.Data.Tables;

/// <summary>An answer that never was on a wire: a status, an ETag, a refusal.</summary>
internal sealed class LocalResponse(int status, string? etag = null) : Response
{
    private const string ETagHeader = "ETag";
    private const string ErrorCodeHeader = "x-ms-error-code";

    private LocalResponse(TableError error) : this(error.Status) => Error = error;

    public TableError? Error { get; }

    public override int Status => status;

    public override string ReasonPhrase => status switch
    {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    };

    public override bool IsError => status >= 400;

    public override Stream? ContentStream { get; set; }

    public override BinaryData Content => BinaryData.Empty;

    public override string ClientRequestId { get; set; } = "";

    public static LocalResponse Of(TableError error) => new(error);

    public override void Dispose() { }

    protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        value = name.Equals(ETagHeader, StringComparison.OrdinalIgnoreCase) ? etag
            : name.Equals(ErrorCodeHeader, StringComparison.OrdinalIgnoreCase) ? Error?.Code
            : null;
        return value is not null;
    }

    protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
    {
        values = TryGetHeader(name, out var value) ? [value] : null;
        return values is not null;
    }

    protected override bool ContainsHeader(string name) => TryGetHeader(name, out _);

    protected override IEnumerable<HttpHeader> EnumerateHeaders()
    {
        if (etag is not null)
            yield return new HttpHeader(ETagHeader, etag);
        if (Error is not null)
            yield return new HttpHeader(ErrorCodeHeader, Error.Code);
    }
}
