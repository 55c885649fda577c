using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.DeadLetters;
using Weir.Replays;
using Weir.Submission;

namespace Weir.Api;

/// <summary>The HTTP face of the dead letters: see what died and why, mend it, run it again, or give it up.</summary>
public sealed partial class DeadLettersApi
{
    private const int MaxBody = JobSubmission.MaxPayload + 16 * 1024;
    private const int MaxFilterBody = 16 * 1024;
    private const int MaxList = 100;

    /// <summary>A filter that hits little reads empty pages; an answer then comes with fewer entries and a cursor.</summary>
    private const int MaxPages = 20;

    private const string RetryAfterAccepted = "1";

    private readonly Admission admission;
    private readonly DeadLetterDesk desk;
    private readonly DeadLetterTable catalogue;
    private readonly DeadLetterGroups groups;
    private readonly ReplaysApi staged;
    private readonly TimeProvider clock;
    private readonly ILogger<DeadLettersApi> logger;

    internal DeadLettersApi(Admission admission, DeadLetterDesk desk, DeadLetterTable catalogue, DeadLetterGroups groups, ReplaysApi staged, TimeProvider clock, ILogger<DeadLettersApi> logger) =>
        (this.admission, this.desk, this.catalogue, this.groups, this.staged, this.clock, this.logger) = (admission, desk, catalogue, groups, staged, clock, logger);

    /// <summary>GET /api/dead-letters → newest first, in pages of up to 100.</summary>
    public Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation) => ListAsync(request, patience: null, cancellation);

    /// <param name="request">As the function gets it.</param>
    /// <param name="patience">After this much time a page comes with what it has: for somebody who looks at it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    internal Task<IResult> ListAsync(HttpRequest request, TimeSpan? patience, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, async caller =>
    {
        var errors = new List<ContractError>();
        var asked = DeadLetterRequest.Read(request.Query, MaxList, errors);
        if (errors.Count > 0)
            return Problem.InvalidQuery(errors);
        if (!IsWithin(caller, asked.Filter, out var filter))
            return Problem.Forbidden($"'{caller.Name}' is bound to another tenant than the query names.");

        var scan = await catalogue.ScanAsync(filter, asked.Cursor, asked.Limit ?? MaxList, MaxPages, columns: null, cancellation, patience);
        return Results.Json(new DeadLetterListView([.. scan.Found.Select(DeadLetterView.Of)], scan.Next?.ToString()), DeadLetterJson.Camel.DeadLetterListView);
    });

    /// <summary>GET /api/dead-letters/groups → how many for each cause.</summary>
    public Task<IResult> CountAsync(HttpRequest request, CancellationToken cancellation) => CountAsync(request, patience: null, cancellation);

    internal Task<IResult> CountAsync(HttpRequest request, TimeSpan? patience, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, async caller =>
    {
        var errors = new List<ContractError>();
        var asked = DeadLetterRequest.Read(request.Query, most: 0, errors);
        if (errors.Count > 0)
            return Problem.InvalidQuery(errors);
        if (!IsWithin(caller, asked.Filter, out var filter))
            return Problem.Forbidden($"'{caller.Name}' is bound to another tenant than the query names.");

        var counted = await groups.CountAsync(filter, asked.Cursor, cancellation, patience);
        return Results.Json(
            new DeadLetterGroupListView([.. counted.Groups.Select(DeadLetterGroupView.Of)], counted.Scanned, counted.Partial, counted.Next?.ToString()),
            DeadLetterJson.Camel.DeadLetterGroupListView);
    });

    /// <summary>GET /api/dead-letters/{id} → everything, the payload and every attempt included.</summary>
    public Task<IResult> GetAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, caller => ShowAsync(caller, id, cancellation));

    /// <summary>POST /api/dead-letters/{id}/replay {payload?, reason?} → 202 with the job.</summary>
    public Task<IResult> ReplayAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Operate, async caller =>
    {
        if (!JobId.IsWellFormed(id) || !await IsSeenAsync(caller, id, cancellation))
            return Problem.DeadLetterNotFound(id);
        if (!HasBody(request))
            return await ReplayAsync(request, caller, id, payload: null, reason: null, cancellation);

        var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxBody, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            var (payload, reason) = ReadReplay(body.RootElement, errors);
            return errors.Count > 0 ? Problem.InvalidRequest(errors) : await ReplayAsync(request, caller, id, payload, reason, cancellation);
        }
    });

    /// <summary>POST /api/dead-letters/replay {type?, fingerprint?, …} → how many; with stages, 202 with a staged replay.</summary>
    public Task<IResult> ReplayManyAsync(HttpRequest request, CancellationToken cancellation) => AnswerAsync(request, Scope.Operate, async caller =>
    {
        var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxFilterBody, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            var stages = StagedReplayRequest.IsAskedFor(body.RootElement) ? StagedReplayRequest.Read(body.RootElement, errors) : null;
            var asked = DeadLetterRequest.Read(body.RootElement, stages is null ? DeadLetterDesk.MaxReplays : ReplayPlan.MostItems, errors, beside: StagedReplayRequest.Fields);
            if (stages is not null && asked.Cursor is not null)
                errors.Add(new("/cursor", "expected none: a staged replay is begun once, and goes on by itself"));
            if (errors.Count > 0)
                return Problem.InvalidRequest(errors);
            if (!IsWithin(caller, asked.Filter, out var filter))
                return Problem.Forbidden($"'{caller.Name}' is bound to another tenant than the filter names.");

            if (stages is not null)
                return await staged.StartAsync(filter, stages, asked.Limit ?? ReplayPlan.MostItems, asked.DryRun, By(request, caller, asked.Why), request.HttpContext.Response, cancellation);
            var counts = await desk.ReplayManyAsync(filter, asked.Cursor, asked.Limit ?? DeadLetterDesk.MaxReplays, asked.DryRun, By(request, caller, asked.Why), cancellation);
            return Results.Json(
                new ReplayCountsView(asked.DryRun, counts.Matched, counts.Replayed, counts.Skipped, counts.Failed, counts.Next?.ToString()), DeadLetterJson.Camel.ReplayCountsView);
        }
    });

    /// <summary>DELETE /api/dead-letters/{id}?reason= → the entry, discarded.</summary>
    public Task<IResult> DiscardAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Operate, async caller =>
    {
        if (request.Query["reason"] is not [{ Length: > 0 and <= DeadLetterRequest.MaxReason } reason])
            return Problem.InvalidQuery([new("reason", $"say why, in 1 to {DeadLetterRequest.MaxReason} characters: it stays in the catalogue")]);
        if (!JobId.IsWellFormed(id) || !await IsSeenAsync(caller, id, cancellation))
            return Problem.DeadLetterNotFound(id);

        return await desk.DiscardAsync(id.ToLowerInvariant(), By(request, caller, reason), cancellation) switch
        {
            DiscardAnswer.Discarded => await ShowAsync(caller, id, cancellation),
            DiscardAnswer.NotDead not => Problem.NotDeadLettered(not.Receipt),
            DiscardAnswer.NotCollected => Problem.DeadLetterNotCollected(),
            _ => Problem.DeadLetterNotFound(id),
        };
    });

    private async Task<IResult> ShowAsync(Caller caller, string id, CancellationToken cancellation) =>
        JobId.IsWellFormed(id) && await desk.FindAsync(id.ToLowerInvariant(), cancellation) is { } found && IsSeen(caller, found.Entry.Tenant)
            ? Results.Json(DeadLetterView.Of(found), DeadLetterJson.Camel.DeadLetterView)
            : Problem.DeadLetterNotFound(id);

    private async Task<IResult> ReplayAsync(HttpRequest request, Caller caller, string id, JsonElement? payload, string? reason, CancellationToken cancellation) =>
        await desk.ReplayAsync(id.ToLowerInvariant(), payload, By(request, caller, reason), cancellation) switch
        {
            ReplayAnswer.Queued queued => Accepted(queued, request.HttpContext.Response),
            ReplayAnswer.NotDead not => Problem.NotDeadLettered(not.Receipt),
            ReplayAnswer.NotCollected => Problem.DeadLetterNotCollected(),
            ReplayAnswer.Discarded discarded => Problem.DeadLetterDiscarded(discarded.Receipt),
            ReplayAnswer.NotReplayable not => Problem.NotReplayable(not.Why),
            ReplayAnswer.BrokenContract broken => Problem.ContractViolation($"The payload breaks the contract of '{broken.Type}'.", broken.Errors),
            ReplayAnswer.TooLarge => Problem.BodyTooLarge(JobSubmission.MaxPayload),
            _ => Problem.DeadLetterNotFound(id),
        };

    private static IResult Accepted(ReplayAnswer.Queued queued, HttpResponse response)
    {
        var (job, replay) = (queued.Receipt, queued.Receipt.LastReplay!);
        var links = LinksView.Of(job.Id) with { DeadLetter = LinksView.OfDeadLetter(job.Id) };
        response.Headers.Location = links.Self;
        response.Headers.RetryAfter = RetryAfterAccepted;
        return Results.Json(
            new ReplayedView(job.Id, job.Type, job.State, job.Replays, replay.By, replay.At, queued.Started, links), DeadLetterJson.Camel.ReplayedView, statusCode: StatusCodes.Status202Accepted);
    }

    private static (JsonElement? Payload, string? Reason) ReadReplay(JsonElement body, List<ContractError> errors)
    {
        JsonElement? payload = null;
        string? reason = null;
        if (body.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new("", "expected an object with \"payload\", \"reason\", both or neither"));
            return (payload, reason);
        }
        foreach (var field in body.EnumerateObject())
        {
            if (errors.Count >= ContractError.Most)
                break;
            switch (field.Name)
            {
                case "payload":
                    payload = field.Value;
                    break;
                case "reason" when field.Value.ValueKind == JsonValueKind.Null:
                    break;
                case "reason" when field.Value.ValueKind == JsonValueKind.String && field.Value.GetString() is { Length: > 0 and <= DeadLetterRequest.MaxReason } text:
                    reason = text;
                    break;
                case "reason":
                    errors.Add(new("/reason", $"expected a string of 1 to {DeadLetterRequest.MaxReason} characters"));
                    break;
                default:
                    errors.Add(new($"/{field.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", "unknown field; expected one of payload, reason"));
                    break;
            }
        }
        return (payload, reason);
    }

    internal static bool HasBody(HttpRequest request) =>
        request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false && request.ContentLength != 0;

    private Handling By(HttpRequest request, Caller caller, string? reason) => new(Operator.Of(request, caller), clock.GetUtcNow(), reason);

    /// <summary>The filter with the tenant that the caller is bound to; false when it asks for another one.</summary>
    private static bool IsWithin(Caller caller, DeadLetterFilter asked, out DeadLetterFilter filter)
    {
        filter = caller.Tenant is null ? asked : asked with { Tenant = caller.Tenant };
        return asked.Tenant is null || caller.Sees(asked.Tenant);
    }

    /// <summary>What no tenant can be named for (a message that is none of ours) is for those who see every tenant.</summary>
    private static bool IsSeen(Caller caller, string? tenant) => caller.Tenant is null || (tenant is not null && caller.Sees(tenant));

    private async Task<bool> IsSeenAsync(Caller caller, string id, CancellationToken cancellation) =>
        caller.Tenant is null || (await desk.FindAsync(id.ToLowerInvariant(), cancellation) is { } found && IsSeen(caller, found.Entry.Tenant));

    private async Task<IResult> AnswerAsync(HttpRequest request, Scope scope, Func<Caller, Task<IResult>> answer)
    {
        var (caller, refusal) = admission.Ask(request, scope);
        if (caller is null)
            return refusal!;
        try
        {
            return await answer(caller);
        }
        catch (UnknownCursorException)
        {
            return Problem.InvalidQuery([new("cursor", "it belongs to another query or another catalogue; begin again without it")]);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.DeadLettersUnavailable(retryAfterSeconds: 5);
        }
    }

    [LoggerMessage(1221, LogLevel.Error, "A request about dead letters could not be answered: a store did not answer")]
    private partial void LogStoreAway(Exception failure);
}
