using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Weir.Access;
using Weir.Catalog;
using Weir.Limits;
using Weir.Pressure;
using Weir.Submission;

namespace Weir.Api;

/// <summary>POST /api/jobs/bulk: many jobs in one request, as NDJSON or as an array; each is accepted or refused for itself.</summary>
public sealed class BulkApi
{
    private const string NdJson = "application/x-ndjson";
    private const string KeyField = "idempotencyKey";
    internal const int MaxBody = 16 * 1024 * 1024;

    private readonly BulkSubmission submission;
    private readonly Admission admission;
    private readonly PressureHeaders pressure;

    private readonly SubmissionsInFlight inFlight;

    internal BulkApi(Admission admission, BulkSubmission submission, SubmissionsInFlight inFlight, PressureHeaders pressure) =>
        (this.admission, this.submission, this.inFlight, this.pressure) = (admission, submission, inFlight, pressure);

    public async Task<IResult> SubmitAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.AskToSubmit(request);
        if (caller is null)
            return refusal!;
        using var handled = inFlight.TryEnter();
        if (handled is null)
            return inFlight.Refusal;
        var (body, unreadable) = await RequestBody.ReadBytesAsync(request, [NdJson, RequestBody.Json], MaxBody, cancellation, handled);
        if (unreadable is not null)
            return unreadable;
        if (!TrySplit(body, request.ContentType!, out var texts, out var malformed))
            return malformed;
        if (texts.Count == 0)
            return Problem.InvalidRequest([new("", "expected at least one item")]);
        if (texts.Count > BulkSubmission.MaxItems)
            return Problem.TooManyItems(BulkSubmission.MaxItems);

        var views = new BulkItemView[texts.Count];
        var (items, indices) = (new List<BulkItem>(), new List<int>());
        for (var index = 0; index < texts.Count; index++)
        {
            if (Read(texts[index], out var item) is { } problem)
            {
                views[index] = BulkItemView.Of(index, problem);
                continue;
            }
            items.Add(item!);
            indices.Add(index);
        }
        var answers = await submission.SubmitAsync(items, caller.SubmitsFor!, cancellation);
        foreach (var (index, answer) in indices.Zip(answers))
            views[index] = answer is Submitted.Accepted accepted ? BulkItemView.Of(index, accepted) : BulkItemView.Of(index, JobsApi.ProblemOf((Submitted.Refused)answer));
        pressure.Tell(request.HttpContext.Response.Headers);
        return Results.Json(new BulkView(views.Count(view => view.Problem is null), views.Count(view => view.Problem is not null), views), ApiJson.Camel.BulkView);
    }

    /// <summary>The items' texts, not read yet: one that is no JSON spoils an array, but only its own line of NDJSON.</summary>
    private static bool TrySplit(ReadOnlyMemory<byte> body, string contentType, out List<ReadOnlyMemory<byte>> texts, out IResult malformed)
    {
        (texts, malformed) = ([], Results.Empty);
        if (contentType.StartsWith(NdJson, StringComparison.OrdinalIgnoreCase))
        {
            foreach (var line in body.Span.Split((byte)'\n'))
            {
                var text = body[line].TrimEnd("\r"u8);
                if (!text.Span.Trim(" \t"u8).IsEmpty && texts.Count <= BulkSubmission.MaxItems)
                    texts.Add(text);
            }
            return true;
        }
        var (whole, problem) = JsonText.Parse(body, new JsonDocumentOptions { MaxDepth = RequestBody.Strict.MaxDepth + 1 });
        if (whole is null)
        {
            malformed = problem!;
            return false;
        }
        using (var document = whole)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                malformed = Problem.InvalidRequest([new("", $"expected an array of submissions, or one on each line as {NdJson}")]);
            else
                texts.AddRange(document.RootElement.EnumerateArray().Take(BulkSubmission.MaxItems + 1).Select(element => (ReadOnlyMemory<byte>)JsonMarshal.GetRawUtf8Value(element).ToArray()));
            return document.RootElement.ValueKind == JsonValueKind.Array;
        }
    }

    private static IResult? Read(ReadOnlyMemory<byte> text, out BulkItem? item)
    {
        item = null;
        if (text.Length > JobsApi.MaxBody)
            return Problem.BodyTooLarge(JobsApi.MaxBody);
        var (document, malformed) = JsonText.Parse(text, RequestBody.Strict);
        if (document is null)
            return malformed;
        using (document)
        {
            var body = document.RootElement.Clone();
            var errors = new List<ContractError>();
            var request = SubmitRequest.Read(body, errors, read: KeyField);
            if (request is null)
                return Problem.InvalidRequest(errors);
            if (!body.TryGetProperty(KeyField, out var value) || value.ValueKind == JsonValueKind.Null)
            {
                item = new BulkItem(request, IdempotencyKey: null);
                return null;
            }
            if (value.ValueKind != JsonValueKind.String)
                return Problem.InvalidRequest([new($"/{KeyField}", "expected a string")]);
            if (!IdempotencyKey.TryRead(value.GetString(), out var key, out var wrong))
                return Problem.InvalidIdempotencyKey(wrong!);
            item = new BulkItem(request, key);
            return null;
        }
    }
}

internal sealed record BulkView(int Accepted, int Refused, IReadOnlyList<BulkItemView> Results);

/// <param name="Status">What a request of its own would have been answered with.</param>
internal sealed record BulkItemView(int Index, int Status, string? Id, JobState? State, bool? Existing, bool? Replayed, ProblemDetails? Problem)
{
    public static BulkItemView Of(int index, Submitted.Accepted accepted) => new(
        index, JobsApi.StatusOf(accepted), accepted.JobId, accepted.State, accepted.Existing ? true : null, accepted.Replayed ? true : null, Problem: null);

    public static BulkItemView Of(int index, IResult problem)
    {
        var details = Api.Problem.DetailsOf(problem);
        return new BulkItemView(index, details.Status ?? 500, Id: null, State: null, Existing: null, Replayed: null, details);
    }
}
