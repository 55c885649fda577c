using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weir.Batches;
using Weir.Catalog;
using Weir.Submission;

namespace Weir.Api;

/// <summary>Reads the items of a batch: lines as they come, of which a few hundred are in memory at once; or an array, which is read whole to know that it is one.</summary>
/// <param name="OneType">The type of all items, which are payloads then; null when each is a submission.</param>
internal sealed record BatchBody(string? OneType, int? Version, Queue? Priority)
{
    public const string NdJson = "application/x-ndjson";
    public const int MaxArray = 16 * 1024 * 1024;
    public const int MaxLines = 64 * 1024 * 1024;

    private const string NotHere = "not in a batch: its items' ids follow from the batch's Idempotency-Key";

    /// <exception cref="BatchUnreadableException">It is too long, or has too many items.</exception>
    public async IAsyncEnumerable<BatchLine> LinesAsync(PipeReader body, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (index, total) = (0, 0L);
        var isTooLong = false;
        SequencePosition? held = null;
        try
        {
            while (true)
            {
                var read = await body.ReadAsync(cancellation);
                var left = read.Buffer;
                held = left.End;
                while (TryTakeLine(ref left, read.IsCompleted, out var line, out var taken))
                {
                    total += taken;
                    if (total > MaxLines)
                        throw new BatchUnreadableException("bodyTooLarge", $"The most is {MaxLines:N0} bytes.");
                    if (isTooLong)
                        isTooLong = false; // the end of a line that was answered when its beginning came
                    else if (!line.Span.Trim(" \t"u8).IsEmpty)
                        yield return Item(Next(ref index), line);
                }
                if (!isTooLong && left.Length > JobsApi.MaxBody)
                {
                    isTooLong = true;
                    yield return Item(Next(ref index), left.Slice(0, JobsApi.MaxBody + 1).ToArray());
                }
                if (isTooLong)
                {
                    total += left.Length;
                    left = left.Slice(left.End);
                }
                if (read.IsCompleted)
                    yield break;
                body.AdvanceTo(left.Start, left.End);
                held = null;
            }
        }
        finally
        {
            // Whoever stops in the middle leaves the connection as one that can be read on: the server skips the rest of the body.
            if (held is { } end)
                body.AdvanceTo(end);
        }
    }

    /// <returns>The items, or what is wrong with the array.</returns>
    public (IReadOnlyList<BatchLine>? Lines, IResult? Problem) Array(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = RequestBody.Strict.MaxDepth + 1 });
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                return (null, Problem.InvalidRequest([new("", $"expected an array of items, or one on each line as {NdJson}")]));
            if (document.RootElement.GetArrayLength() is var count && count is 0 or > Batch.MaxItems)
                return (null, count == 0 ? Problem.InvalidRequest([new("", "expected at least one item")]) : Problem.TooManyItems(Batch.MaxItems));
            var index = 0;
            return ([.. document.RootElement.EnumerateArray().Select(element => Item(index++, JsonMarshal.GetRawUtf8Value(element).ToArray()))], null);
        }
        catch (JsonException malformed)
        {
            return (null, Problem.MalformedJson(malformed.Message));
        }
    }

    private static int Next(ref int index) =>
        index < Batch.MaxItems ? index++ : throw new BatchUnreadableException("tooManyItems", $"The most is {Batch.MaxItems:N0}; send the rest in another batch.");

    private static bool TryTakeLine(ref ReadOnlySequence<byte> left, bool isLast, out ReadOnlyMemory<byte> line, out long taken)
    {
        var end = left.PositionOf((byte)'\n');
        (line, taken) = (default, 0);
        if (end is null && (!isLast || left.IsEmpty))
            return false;
        var text = end is { } newLine ? left.Slice(0, newLine) : left;
        taken = text.Length + 1;
        // A line longer than this is known to be too long by its first bytes.
        line = text.Slice(0, Math.Min(text.Length, JobsApi.MaxBody + 1)).ToArray();
        line = line.TrimEnd("\r"u8);
        left = end is { } at ? left.Slice(left.GetPosition(1, at)) : left.Slice(left.End);
        return true;
    }

    private BatchLine Item(int index, ReadOnlyMemory<byte> text)
    {
        if (text.Length > JobsApi.MaxBody)
            return Refused("bodyTooLarge", $"The most is {JobsApi.MaxBody:N0} bytes.");
        try
        {
            using var document = JsonDocument.Parse(text, RequestBody.Strict);
            var body = document.RootElement.Clone();
            if (OneType is not null)
                return new BatchLine(index, text, new SubmitRequest(OneType, body) { Version = Version, Priority = Priority }, Refusal: null);
            var errors = new List<ContractError>();
            var request = SubmitRequest.Read(body, errors);
            if (request?.Unique is not null)
                errors.Add(new("/unique", NotHere));
            return errors.Count > 0 ? Refused("invalidRequest", "The item is not as expected: see errors, by JSON pointer.", errors) : new BatchLine(index, text, request, Refusal: null);
        }
        catch (JsonException malformed)
        {
            return Refused("malformedJson", malformed.Message);
        }

        BatchLine Refused(string code, string detail, IReadOnlyList<ContractError>? errors = null) =>
            new(index, text, Request: null, new ItemRefusal(index, code, detail, errors ?? []));
    }
}
