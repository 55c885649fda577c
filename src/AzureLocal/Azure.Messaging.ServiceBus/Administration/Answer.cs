using System.Diagnostics.CodeAnalysis;
using Azure.Core;

namespace Azure.Messaging.ServiceBus.Administration;

/// <summary>The HTTP response that there would be: a status and no more.</summary>
internal sealed class Answer(int status) : Response
{
    public override int Status => status;
    public override string ReasonPhrase => status == 201 ? "Created" : "OK";
    public override Stream? ContentStream { get; set; }
    public override string ClientRequestId { get; set; } = "";

    public static Response<T> Ok<T>(T value) => FromValue(value, new Answer(200));

    public static Response<T> Created<T>(T value) => FromValue(value, new Answer(201));

    public override void Dispose()
    {
    }

    protected override bool ContainsHeader(string name) => false;

    protected override IEnumerable<HttpHeader> EnumerateHeaders() => [];

    protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        value = null;
        return false;
    }

    protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
    {
        values = null;
        return false;
    }
}
