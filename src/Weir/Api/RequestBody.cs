using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Weir.Api;

/// <summary>Reads a JSON body with a bound on its size, whatever its headers say of it.</summary>
internal static class RequestBody
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <returns>The document, or the problem to answer with; exactly one of them is null.</returns>
    public static async Task<(JsonDocument? Body, IResult? Problem)> ReadJsonAsync(HttpRequest request, int most, CancellationToken cancellation)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
            return (null, Api.Problem.UnsupportedMediaType(request.ContentType));
        if (request.ContentLength > most)
            return (null, Api.Problem.BodyTooLarge(most));

        var bytes = await ReadAtMostAsync(request.Body, (int)(request.ContentLength ?? 4096), most, cancellation);
        if (bytes is not { } content)
            return (null, Api.Problem.BodyTooLarge(most));
        try
        {
            return (JsonDocument.Parse(content, Strict), null);
        }
        catch (JsonException malformed)
        {
            return (null, Api.Problem.MalformedJson(malformed.Message));
        }
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadAtMostAsync(Stream body, int expected, int most, CancellationToken cancellation)
    {
        var buffer = new byte[Math.Max(expected, 1) + 1];
        var length = 0;
        while (true)
        {
            var read = await body.ReadAsync(buffer.AsMemory(length), cancellation);
            if (read == 0)
                return buffer.AsMemory(0, length);
            length += read;
            if (length > most)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(buffer.Length * 2, most + 1));
        }
    }
}
