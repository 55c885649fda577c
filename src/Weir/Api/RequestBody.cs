using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Weir.Api;

/// <summary>Reads a JSON body with a bound on its size, whatever its headers say of it.</summary>
internal static class RequestBody
{
    public const string Json = "application/json";

    public static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <returns>The document, or the problem to answer with; exactly one of them is null.</returns>
    public static async Task<(JsonDocument? Body, IResult? Problem)> ReadJsonAsync(HttpRequest request, int most, CancellationToken cancellation)
    {
        var (content, problem) = await ReadBytesAsync(request, [Json], most, cancellation);
        if (problem is not null)
            return (null, problem);
        try
        {
            return (JsonDocument.Parse(content, Strict), null);
        }
        catch (JsonException malformed)
        {
            return (null, Api.Problem.MalformedJson(malformed.Message));
        }
    }

    /// <returns>The content, or the problem to answer with.</returns>
    public static async Task<(ReadOnlyMemory<byte> Content, IResult? Problem)> ReadBytesAsync(HttpRequest request, string[] types, int most, CancellationToken cancellation)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !types.Contains(type.MediaType.Value, StringComparer.OrdinalIgnoreCase))
            return (default, Api.Problem.UnsupportedMediaType(request.ContentType, string.Join(" or ", types)));
        if (request.ContentLength > most)
            return (default, Api.Problem.BodyTooLarge(most));
        return await ReadAtMostAsync(request.Body, (int)(request.ContentLength ?? 4096), most, cancellation) is { } content
            ? (content, null)
            : (default, Api.Problem.BodyTooLarge(most));
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
