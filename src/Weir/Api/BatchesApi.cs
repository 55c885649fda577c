using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using Weir.Access;
using Weir.Batches;
using Weir.DeadLetters;
using Weir.Limits;
using Weir.Pressure;
using Weir.Receipts;
using Weir.Submission;

namespace Weir.Api;

/// <summary>The HTTP face of batches: many jobs that belong together, with one summary.</summary>
public sealed partial class BatchesApi
{
    private const string RetryAfterAccepted = "1";
    private const int DefaultLimit = 50;
    private const int MostItems = 100;
    private const int FailedShown = 20;
    private const int MaxReason = 200;

    private static readonly string[] SubmitFields = ["type", "version", "priority", "name", "completion"];

    private readonly Admission admission;
    private readonly BatchSubmission submission;
    private readonly BatchTable table;
    private readonly BatchItemPages items;
    private readonly BatchWatch watch;
    private readonly BatchControls controls;
    private readonly BatchRetry retries;
    private readonly SubmissionsInFlight inFlight;
    private readonly PressureHeaders pressure;
    private readonly TimeProvider clock;
    private readonly ILogger<BatchesApi> logger;

    internal BatchesApi(
        Admission admission, BatchSubmission submission, BatchTable table, BatchItemPages items, BatchWatch watch, BatchControls controls, BatchRetry retries, SubmissionsInFlight inFlight, PressureHeaders pressure, TimeProvider clock, ILogger<BatchesApi> logger)
    {
        (this.admission, this.submission, this.table, this.items, this.watch) = (admission, submission, table, items, watch);
        (this.controls, this.retries, this.inFlight, this.pressure, this.clock, this.logger) = (controls, retries, inFlight, pressure, clock, logger);
    }

    /// <summary>POST /api/batches?type=&amp;version=&amp;priority=&amp;name=&amp;completion= → 202 with the batch.</summary>
    public async Task<IResult> SubmitAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.AskToSubmit(request);
        if (caller is null)
            return refusal!;
        if (!IdempotencyKey.TryRead(request.Headers[IdempotencyKey.Header], out var key, out var wrongKey))
            return Problem.InvalidIdempotencyKey(wrongKey!);
        if (ReadOptions(request.Query, out var body, out var name, out var completion) is { } wrong)
            return Problem.InvalidQuery(wrong);
        using var handled = inFlight.TryEnter(); // of lines only some hundred are in memory at once
        if (handled is null)
            return inFlight.Refusal;

        try
        {
            var (lines, unreadable) = await OpenAsync(request, body!, handled, cancellation);
            if (lines is null)
                return unreadable!;
            var answer = await submission.SubmitAsync(new BatchRequest(caller.SubmitsFor!, key, name, completion, request.ContentLength), lines, cancellation);
            pressure.Tell(request.HttpContext.Response.Headers);
            return Answer(answer, request.HttpContext.Response);
        }
        catch (BatchUnreadableException beyond)
        {
            return Problem.BatchUnreadable(beyond);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotTaken(away);
            return Problem.BatchStoreAway(retryAfterSeconds: 5);
        }
    }

    /// <summary>GET /api/batches/{id}?wait=PT10S → the summary, at once or when every item has ended, whichever the wait allows.</summary>
    public Task<IResult> GetAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, id, async (caller, batchId) =>
    {
        var wait = TimeSpan.Zero;
        if (request.Query["wait"] is [{ Length: > 0 } text] && (!IsoDuration.TryRead(text, out wait) || wait > BatchWatch.MaxWait))
            return Problem.InvalidWait($"wait is an ISO 8601 duration from PT0S to PT{BatchWatch.MaxWait.TotalSeconds:0}S, such as PT10S; got '{(text.Length <= 40 ? text : "a longer text")}'.");
        return await watch.UntilCompleteAsync(batchId, wait, caller.Sees, cancellation) is { } standing
            ? await ShowAsync(standing, StatusCodes.Status200OK, cancellation)
            : Problem.BatchNotFound(id);
    });

    /// <summary>GET /api/batches/{id}/items?state=&amp;limit=&amp;cursor= → the items with their results and errors, in their order.</summary>
    public Task<IResult> ItemsAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, id, async (caller, batchId) =>
    {
        var (limit, after) = (DefaultLimit, -1);
        if (ListQuery(request.Query, ["state", "limit", "cursor"], ref limit) is { } wrong)
            return Problem.InvalidQuery(wrong);
        if (!ItemFilter.TryRead(request.Query["state"], out var filter))
            return Problem.InvalidQuery($"state is one of {ItemFilter.Names}.");
        if (request.Query["cursor"] is [{ Length: > 0 } cursor] && (!int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after) || after >= Batch.MaxItems))
            return Problem.InvalidQuery("cursor is none that came from here: take the one of the page before as it is.");
        if (await table.ReadAsync(batchId, cancellation) is not { } standing || !caller.Sees(standing.Batch.Tenant))
            return Problem.BatchNotFound(id);
        return Results.Json(await items.ReadAsync(standing, filter, after, limit, cancellation), BatchJson.Camel.BatchItemsView);
    });

    /// <summary>GET /api/batches?limit=&amp;cursor=, the newest first.</summary>
    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        var limit = DefaultLimit;
        if (ListQuery(request.Query, ["limit", "cursor"], ref limit) is { } wrong)
            return Problem.InvalidQuery(wrong);
        string after = request.Query["cursor"] is [{ Length: > 0 } cursor] ? cursor : "";
        if (after.Length > 0 && !ListCursor().IsMatch(after))
            return Problem.InvalidQuery("cursor is none that came from here: take the one of the page before as it is.");
        try
        {
            var (lines, next) = await table.ListAsync(caller.Tenant, after, limit, cancellation);
            var batches = new List<BatchView>();
            foreach (var some in lines.Chunk(10))
            {
                var read = await Task.WhenAll(some.Select(line => table.ReadAsync(line.BatchId, cancellation)));
                batches.AddRange(some.Zip(read).Where(pair => pair.Second is { } standing && pair.First.IsOf(standing.Batch)).Select(pair => BatchView.Of(pair.Second!)));
            }
            return Results.Json(new BatchListView(batches, next), BatchJson.Camel.BatchListView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotReached(away, "(the list)");
            return Problem.BatchNotReached(retryAfterSeconds: 5);
        }
    }

    /// <summary>POST /api/batches/{id}/retry → 202: the failed items run once more.</summary>
    public Task<IResult> RetryAsync(HttpRequest request, string id, CancellationToken cancellation) => ChangeAsync(request, Scope.Operate, id, async (caller, standing) =>
    {
        if (standing.Batch.CancelledAt is not null)
            return Problem.BatchCancelled(standing.Batch.Id);
        var how = new Handling(Operator.Of(request, caller), clock.GetUtcNow(), $"retry of batch {standing.Batch.Id}");
        var retried = await retries.RetryAsync(standing, how, cancellation);
        var now = await table.ReadAsync(standing.Batch.Id, cancellation) ?? standing;
        var failures = retried.Failures.Count == 0 ? null : retried.Failures.Take(MostItems).Select(failure => new BatchRetryFailureView(failure.Index, failure.JobId, failure.Why)).ToArray();
        return Results.Json(new BatchRetriedView(retried.Retried, retried.Remaining, failures, BatchView.Of(now)), BatchJson.Camel.BatchRetriedView, statusCode: StatusCodes.Status202Accepted);
    }, cancellation);

    /// <summary>POST /api/batches/{id}/pause → what has not begun is held.</summary>
    public Task<IResult> PauseAsync(HttpRequest request, string id, CancellationToken cancellation) => ChangeAsync(request, Scope.Operate, id, async (_, standing) =>
        standing.IsOver || standing.Batch.CancelledAt is not null ? Over(standing) : await ShownAsync(controls.PauseAsync(standing.Batch.Id, cancellation), id), cancellation);

    /// <summary>POST /api/batches/{id}/resume → it goes on.</summary>
    public Task<IResult> ResumeAsync(HttpRequest request, string id, CancellationToken cancellation) => ChangeAsync(request, Scope.Operate, id, async (_, standing) =>
        standing.Batch.CancelledAt is not null ? Over(standing) : await ShownAsync(controls.ResumeAsync(standing.Batch.Id, cancellation), id), cancellation);

    /// <summary>DELETE /api/batches/{id}?reason= → 202: what has not begun is cancelled, what runs is asked to stop.</summary>
    public Task<IResult> CancelAsync(HttpRequest request, string id, CancellationToken cancellation) => ChangeAsync(request, Scope.Submit, id, async (caller, standing) =>
    {
        string? reason = request.Query["reason"];
        if (reason is { Length: 0 or > MaxReason } || reason?.Any(char.IsControl) == true)
            return Problem.InvalidReason($"reason is a text of 1 to {MaxReason} characters, without control characters; got {reason.Length}.");
        return standing.IsOver ? Over(standing) : await ShownAsync(controls.CancelAsync(standing.Batch.Id, new CancelRequest(reason, Operator.Of(request, caller)), cancellation), id);
    }, cancellation);

    private static async Task<IResult> ShownAsync(Task<BatchStanding?> change, string id) => await change is { } standing
        ? Results.Json(BatchView.Of(standing), BatchJson.Camel.BatchView, statusCode: StatusCodes.Status202Accepted)
        : Problem.BatchNotFound(id);

    private static IResult Over(BatchStanding standing) => Problem.BatchOver(standing.Batch.Id, BatchStates.Of(standing).ToString().ToLowerInvariant());

    private Task<IResult> ChangeAsync(HttpRequest request, Scope scope, string id, Func<Caller, BatchStanding, Task<IResult>> change, CancellationToken cancellation) =>
        AnswerAsync(request, scope, id, async (caller, batchId) =>
            await table.ReadAsync(batchId, cancellation) is { } standing && caller.Sees(standing.Batch.Tenant) ? await change(caller, standing) : Problem.BatchNotFound(id));

    private async Task<(IAsyncEnumerable<BatchLine>? Lines, IResult? Problem)> OpenAsync(HttpRequest request, BatchBody body, SubmissionsInFlight.Entry room, CancellationToken cancellation)
    {
        if (MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals(BatchBody.NdJson, StringComparison.OrdinalIgnoreCase))
            return request.ContentLength > BatchBody.MaxLines ? (null, Problem.BodyTooLarge(BatchBody.MaxLines)) : (body.LinesAsync(request.BodyReader, cancellation), null);

        var (content, unreadable) = await RequestBody.ReadBytesAsync(request, [BatchBody.NdJson, RequestBody.Json], BatchBody.MaxArray, cancellation, room);
        if (unreadable is not null)
            return (null, unreadable);
        var (lines, malformed) = body.Array(content);
        return (lines?.ToAsyncEnumerable(), malformed);
    }

    private static IResult Answer(BatchAnswer answer, HttpResponse response)
    {
        switch (answer)
        {
            case BatchAnswer.CompletionRefused completion:
                return Problem.CompletionRefused(completion.Refused);
            case BatchAnswer.NoRoom full:
                return Problem.NoRoom(full.Backoff);
            case BatchAnswer.KeyReused reused:
                return Problem.BatchKeyReused(reused.BatchId);
            case BatchAnswer.WasRefused before:
                return Problem.BatchWasRefused(before.BatchId, before.Code);
        }
        var accepted = (BatchAnswer.Accepted)answer;
        var view = BatchAcceptedView.Of(accepted);
        response.Headers.Location = view.Links.Self;
        response.Headers.RetryAfter = RetryAfterAccepted;
        if (accepted.Replayed)
            response.Headers["Idempotency-Replayed"] = "true";
        return Results.Json(view, BatchJson.Camel.BatchAcceptedView, statusCode: StatusCodes.Status202Accepted);
    }

    private async Task<IResult> ShowAsync(BatchStanding standing, int status, CancellationToken cancellation)
    {
        var failed = standing.Known.Any(item => item.State.IsFailed()) ? await items.ReadAsync(standing, ItemFilter.Failed, after: -1, FailedShown, cancellation) : null;
        return Results.Json(BatchView.Of(standing) with { Failed = failed }, BatchJson.Camel.BatchView, statusCode: status);
    }

    private async Task<IResult> AnswerAsync(HttpRequest request, Scope scope, string id, Func<Caller, string, Task<IResult>> answer)
    {
        var (caller, refusal) = admission.Ask(request, scope);
        if (caller is null)
            return refusal!;
        if (!JobId.IsWellFormed(id))
            return Problem.BatchNotFound(id);
        try
        {
            return await answer(caller, id.ToLowerInvariant());
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogNotReached(away, id.ToLowerInvariant());
            return Problem.BatchNotReached(retryAfterSeconds: 5);
        }
    }

    /// <returns>What is wrong with the query; null when nothing is.</returns>
    private static string? ReadOptions(IQueryCollection query, out BatchBody? body, out string? name, out string? completion)
    {
        (body, name, completion) = (null, Text(query, "name"), Text(query, "completion"));
        if (Unknown(query, SubmitFields) is { } unknown)
            return unknown;
        var type = Text(query, "type");
        if (type is null && (query.ContainsKey("version") || query.ContainsKey("priority")))
            return "version and priority are for the items of one type: say type too, or say them with each item.";
        if (type?.Length > 64 || completion?.Length > 64)
            return "type and completion are the names of job types, of 1 to 64 characters.";
        if (name?.Length > SubmitRequest.MaxKey || name?.Any(char.IsControl) == true)
            return $"name is a text of 1 to {SubmitRequest.MaxKey} characters, without control characters.";

        int? version = null;
        if (Text(query, "version") is { } number)
        {
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var read) || read < 1)
                return "version is a whole number from 1.";
            version = read;
        }
        Queue? priority = Text(query, "priority") switch { "critical" => Queue.Critical, "default" => Queue.Default, "bulk" => Queue.Bulk, _ => null };
        if (priority is null && query.ContainsKey("priority"))
            return "priority is critical, default or bulk.";
        body = new BatchBody(type, version, priority);
        return null;
    }

    private static string? ListQuery(IQueryCollection query, string[] known, ref int limit)
    {
        if (Unknown(query, known) is { } unknown)
            return unknown;
        return Text(query, "limit") is { } text && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostItems)
            ? $"limit is a whole number from 1 to {MostItems}."
            : null;
    }

    private static string? Unknown(IQueryCollection query, string[] known)
    {
        if (query.Keys.FirstOrDefault(key => !known.Contains(key)) is { } unknown)
            return $"'{(unknown.Length <= 40 ? unknown : "a longer text")}' is not known here; expected some of {string.Join(", ", known)}.";
        return query.FirstOrDefault(one => one.Value.Count > 1).Key is { } twice ? $"{twice} is there more than once." : null;
    }

    private static string? Text(IQueryCollection query, string name) => query[name] is [{ Length: > 0 } text] ? text : null;

    [GeneratedRegex(@"\A[0-9]{15}-[0-9a-f-]{36}\z")]
    private static partial Regex ListCursor();

    [LoggerMessage(505, LogLevel.Error, "A batch could not be taken: a store did not answer")]
    private partial void LogNotTaken(Exception failure);

    [LoggerMessage(506, LogLevel.Error, "Batch {BatchId} could not be reached: a store did not answer")]
    private partial void LogNotReached(Exception failure, string batchId);
}
