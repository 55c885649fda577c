using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Weir.Limits;

namespace Weir.Api;

/// <summary>Reads a JSON body with a bound on its size and its time, whatever its headers say of it.</summary>
internal static class RequestBody
{
    public const string Json = "application/json";

    /// <summary>A buffer begins no larger than this: a Content-Length costs its sender nothing, so what it promises is not set aside until it comes.</summary>
    private const int FirstBuffer = 64 * 1024;

    public static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <returns>The document, or the problem to answer with; exactly one of them is null.</returns>
    public static async Task<(JsonDocument? Body, IResult? Problem)> ReadJsonAsync(
        HttpRequest request, int most, CancellationToken cancellation, SubmissionsInFlight.Entry? room = null)
    {
        var (content, problem) = await ReadBytesAsync(request, [Json], most, cancellation, room);
        return problem is null ? JsonText.Parse(content, Strict) : (null, problem);
    }

    /// <param name="request">Whose body it is.</param>
    /// <param name="types">The content types that are expected.</param>
    /// <param name="most">The most bytes.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="room">Is asked before more of it is held; null: nobody is.</param>
    /// <returns>The content, or the problem to answer with.</returns>
    public static async Task<(ReadOnlyMemory<byte> Content, IResult? Problem)> ReadBytesAsync(
        HttpRequest request, string[] types, int most, CancellationToken cancellation, SubmissionsInFlight.Entry? room = null)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !types.Contains(type.MediaType.Value, StringComparer.OrdinalIgnoreCase))
            return (default, Api.Problem.UnsupportedMediaType(request.ContentType, string.Join(" or ", types)));
        return await ReadAnyAsync(request, most, cancellation, room);
    }

    /// <summary>As <see cref="ReadBytesAsync"/>, of whatever content type.</summary>
    public static async Task<(ReadOnlyMemory<byte> Content, IResult? Problem)> ReadAnyAsync(HttpRequest request, int most, CancellationToken cancellation, SubmissionsInFlight.Entry? room = null)
    {
        if (request.ContentLength > most)
            return (default, Api.Problem.BodyTooLarge(most));

        var services = request.HttpContext.RequestServices;
        var longest = services.GetRequiredService<IOptions<WeirOptions>>().Value.BodyTimeout;
        using var overdue = new CancellationTokenSource(longest, services.GetRequiredService<TimeProvider>());
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        try
        {
            return await ReadAtMostAsync(request.Body, (int)(request.ContentLength ?? 4096), most, room, either.Token);
        }
        catch (OperationCanceledException) when (overdue.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return (default, Api.Problem.BodyTooSlow($"It had not come after {longest.TotalSeconds:0} s."));
        }
        catch (IOException broken)
        {
            return (default, ProblemOf(broken, most));
        }
    }

    /// <summary>What to say of a body that the server could not read. Kestrel throws the base class itself at a chunk's length that no number holds.</summary>
    public static IResult ProblemOf(IOException broken, long most) => (broken as BadHttpRequestException)?.StatusCode switch
    {
        StatusCodes.Status408RequestTimeout => Api.Problem.BodyTooSlow("It came in slower than the server waits for."),
        StatusCodes.Status413PayloadTooLarge => Api.Problem.BodyTooLarge(most),
        _ => Api.Problem.BrokenBody(),
    };

    private static async Task<(ReadOnlyMemory<byte> Content, IResult? Problem)> ReadAtMostAsync(
        Stream body, int expected, int most, SubmissionsInFlight.Entry? room, CancellationToken cancellation)
    {
        var size = Math.Clamp(expected, 1, FirstBuffer) + 1;
        byte[] buffer = [];
        var length = 0;
        while (true)
        {
            if (room?.TryHold(size) == false)
                return (default, room.Refusal);
            Array.Resize(ref buffer, size);
            while (length < size)
            {
                var read = await body.ReadAsync(buffer.AsMemory(length), cancellation);
                if (read == 0)
                    return (buffer.AsMemory(0, length), null);
                length += read;
            }
            if (length > most)
                return (default, Api.Problem.BodyTooLarge(most));
            size = Math.Min(size * 2, most + 1);
        }
    }
}
