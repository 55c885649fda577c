using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.DeadLetters;
using Weir.Replays;

namespace Weir.Api;

/// <summary>The HTTP face of staged replays: plan, start, look, stop, resume.</summary>
public sealed partial class ReplaysApi
{
    private const int MaxBody = 16 * 1024;

    private readonly Admission admission;
    private readonly StagedReplayDesk desk;
    private readonly ReplayTable table;
    private readonly ReplayPlan plan;
    private readonly TimeProvider clock;
    private readonly ILogger<ReplaysApi> logger;

    internal ReplaysApi(Admission admission, StagedReplayDesk desk, ReplayTable table, ReplayPlan plan, TimeProvider clock, ILogger<ReplaysApi> logger) =>
        (this.admission, this.desk, this.table, this.plan, this.clock, this.logger) = (admission, desk, table, plan, clock, logger);

    /// <summary>GET /api/replays?limit=&amp;cursor= → newest first.</summary>
    public Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, async caller =>
    {
        if (PageQuery.Read(request.Query, ValidId(), out var page) is { } wrong)
            return Problem.InvalidQuery(wrong);
        var found = await table.ListAsync(page.After ?? "", page.Limit, caller.Tenant, cancellation);
        return Results.Json(new StagedReplayListView([.. found.Select(StagedReplayView.Of)], found.Count < page.Limit ? null : found[^1].Id), StagedReplayJson.Camel.StagedReplayListView);
    });

    /// <summary>GET /api/replays/{id}</summary>
    public Task<IResult> GetAsync(HttpRequest request, string id, CancellationToken cancellation) => AnswerAsync(request, Scope.Read, async caller =>
        await FindAsync(caller, id, cancellation) is { } replay ? Show(replay) : Problem.ReplayNotFound(id));

    /// <summary>POST /api/replays/{id}/stop {why?} → 200 with the replay. What is queued already runs.</summary>
    public Task<IResult> StopAsync(HttpRequest request, string id, CancellationToken cancellation) => ActAsync(request, id, async how =>
        await desk.StopAsync(id, how, cancellation) is { } replay ? Show(replay) : Problem.ReplayNotFound(id), cancellation);

    /// <summary>POST /api/replays/{id}/resume {why?} → 200 with the replay.</summary>
    public Task<IResult> ResumeAsync(HttpRequest request, string id, CancellationToken cancellation) => ActAsync(request, id, async how =>
        await desk.ResumeAsync(id, how, cancellation) switch
        {
            ResumeAnswer.Resumed resumed => Show(resumed.Replay),
            ResumeAnswer.Completed => Problem.ReplayCompleted(id),
            ResumeAnswer.Overlaps other => Problem.ReplayRunning(other.Id),
            ResumeAnswer.Full => Problem.TooManyReplays(),
            _ => Problem.ReplayNotFound(id),
        }, cancellation);

    /// <summary>A replay by filter whose body speaks of stages: 202 with the replay, or in a dry run 200 with what it would be.</summary>
    internal async Task<IResult> StartAsync(DeadLetterFilter filter, StagedReplayRequest asked, int limit, bool dryRun, Handling how, HttpResponse response, CancellationToken cancellation)
    {
        if (dryRun)
            return await PlanAsync(filter, asked, limit, cancellation);
        var wanted = new StagedReplay { Id = "", Filter = filter, How = how, Sizes = asked.Sizes, Rate = asked.Rate, StopAtFailureRate = asked.StopAtFailureRate, StageTimeout = asked.StageTimeout };
        switch (await desk.StartAsync(wanted, limit, cancellation))
        {
            case StartAnswer.Started started:
                response.Headers.Location = StagedReplayLinksView.Path(started.Replay.Id);
                response.Headers.RetryAfter = "5";
                return Results.Json(StagedReplayView.Of(started.Replay), StagedReplayJson.Camel.StagedReplayView, statusCode: StatusCodes.Status202Accepted);
            case StartAnswer.Overlaps other:
                return Problem.ReplayRunning(other.Id);
            case StartAnswer.Full:
                return Problem.TooManyReplays();
            case StartAnswer.TooMany:
                return Problem.TooManyDeadLetters();
            default:
                return Problem.NothingToReplay();
        }
    }

    private async Task<IResult> PlanAsync(DeadLetterFilter filter, StagedReplayRequest asked, int limit, CancellationToken cancellation)
    {
        if (await plan.FindAsync(filter, limit, cancellation) is not { } entries)
            return Problem.TooManyDeadLetters();
        var planned = await plan.CheckAsync(entries, cancellation);
        var stages = StagesOf(entries.Count, asked.Sizes);
        var jobs = new List<PlannedReplayView>(planned.Count);
        var (stage, left) = (0, stages.Count == 0 ? 0 : stages[0]);
        foreach (var (position, one) in planned.Index())
        {
            while (left == 0)
                left = stages[++stage];
            jobs.Add(PlannedReplayView.Of(one, position + 1, stage + 1));
            left--;
        }
        var checks = Enum.GetValues<PlannedCheck>().ToDictionary(check => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(check.ToString()), check => planned.Count(one => one.Check == check));
        return Results.Json(new ReplayPlanView(DryRun: true, entries.Count, planned.Count, checks, stages, entries.Count / asked.Rate, jobs), StagedReplayJson.Camel.ReplayPlanView);
    }

    /// <summary>1, 10, 100, … until all have a stage.</summary>
    private static List<int> StagesOf(int total, IReadOnlyList<int> sizes)
    {
        var stages = new List<int>();
        for (var step = 0; total > 0; step++)
        {
            stages.Add(Math.Min(total, sizes[Math.Min(step, sizes.Count - 1)]));
            total -= stages[^1];
        }
        return stages;
    }

    private Task<IResult> ActAsync(HttpRequest request, string id, Func<Handling, Task<IResult>> act, CancellationToken cancellation) => AnswerAsync(request, Scope.Operate, async caller =>
    {
        if (await FindAsync(caller, id, cancellation) is null)
            return Problem.ReplayNotFound(id);
        string? why = null;
        if (DeadLettersApi.HasBody(request))
        {
            var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxBody, cancellation);
            if (body is null)
                return problem!;
            using (body)
            {
                var errors = new List<Catalog.ContractError>();
                why = DeadLetterRequest.ReadWhy(body.RootElement, errors);
                if (errors.Count > 0)
                    return Problem.InvalidRequest(errors);
            }
        }
        return await act(new Handling(Operator.Of(request, caller), clock.GetUtcNow(), why));
    });

    private async Task<StagedReplay?> FindAsync(Caller caller, string id, CancellationToken cancellation) =>
        ValidId().IsMatch(id) && await table.FindAsync(id, cancellation) is var (replay, _) && (caller.Tenant is null || caller.Tenant == replay.Filter.Tenant) ? replay : null;

    private static IResult Show(StagedReplay replay) => Results.Json(StagedReplayView.Of(replay), StagedReplayJson.Camel.StagedReplayView);

    private async Task<IResult> AnswerAsync(HttpRequest request, Scope scope, Func<Caller, Task<IResult>> answer)
    {
        var (caller, refusal) = admission.Ask(request, scope);
        if (caller is null)
            return refusal!;
        try
        {
            return await answer(caller);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.ReplaysUnavailable(retryAfterSeconds: 5);
        }
    }

    [GeneratedRegex(@"\A[0-9]{15}-[0-9a-f]{6}\z")]
    private static partial Regex ValidId();

    [LoggerMessage(3810, LogLevel.Error, "A request about staged replays could not be answered: a store did not answer")]
    private partial void LogStoreAway(Exception failure);
}
