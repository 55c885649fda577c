using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Weir.Access;
using Weir.Catalog;
using Weir.Schedules;
using Weir.Submission;

namespace Weir.Api;

/// <summary>The HTTP face of schedules.</summary>
public sealed partial class SchedulesApi
{
    internal const int MaxBody = ScheduleRequest.MaxSubmission + 16 * 1024;
    private const int MaxPauseBody = 16 * 1024;
    private const int DefaultLimit = 50;
    private const int MaxLimit = 100;

    private readonly Admission admission;
    private readonly ScheduleDesk desk;
    private readonly ScheduleTable table;
    private readonly TimeProvider clock;
    private readonly ILogger<SchedulesApi> logger;

    internal SchedulesApi(Admission admission, ScheduleDesk desk, ScheduleTable table, TimeProvider clock, ILogger<SchedulesApi> logger) =>
        (this.admission, this.desk, this.table, this.clock, this.logger) = (admission, desk, table, clock, logger);

    /// <summary>PUT /api/schedules/{name} → 201 or 200 with the schedule and its ETag.</summary>
    public Task<IResult> PutAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Submit, async (caller, tenant) =>
    {
        if (ScheduleRequest.ReadPrecondition(request.Headers, out var wrong) is not { } condition)
            return Problem.InvalidPrecondition(wrong!);
        var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxBody, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            if (ScheduleRequest.Read(body.RootElement, errors) is not var (definition, submission))
                return Problem.InvalidRequest(errors);
            if (Refuse(definition) is { } refused)
                return refused;
            return await desk.PutAsync(tenant, name, definition, submission, condition, Operator.Of(request, caller), cancellation) switch
            {
                PutAnswer.Written written => Show(request, written.Schedule, written.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK),
                PutAnswer.NotAsExpected not => Problem.PreconditionFailed(not.Schedule is null ? null : Precondition.TagOf(not.Schedule)),
                PutAnswer.Refused not => JobsApi.ProblemOf(not.Why),
                _ => NeverDue(definition),
            };
        }
    });

    /// <summary>GET /api/schedules/{name}</summary>
    public Task<IResult> GetAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Read, async (_, tenant) =>
        await table.FindAsync(tenant, name, cancellation) is { } schedule ? Show(request, schedule) : Problem.ScheduleNotFound(name));

    /// <summary>DELETE /api/schedules/{name} → 204.</summary>
    public Task<IResult> DeleteAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Submit, async (_, tenant) =>
    {
        if (ScheduleRequest.ReadPrecondition(request.Headers, out var wrong) is not { } condition)
            return Problem.InvalidPrecondition(wrong!);
        return await desk.RemoveAsync(tenant, name, condition, cancellation) switch
        {
            true => Results.NoContent(),
            false => Problem.ScheduleNotFound(name),
            null => Problem.PreconditionFailed(await table.FindAsync(tenant, name, cancellation) is { } now ? Precondition.TagOf(now) : null),
        };
    });

    /// <summary>POST /api/schedules/{name}/run → 202 with the job.</summary>
    public Task<IResult> RunAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Submit, async (_, tenant) =>
    {
        if (!IdempotencyKey.TryRead(request.Headers[IdempotencyKey.Header], out var key, out var wrongKey))
            return Problem.InvalidIdempotencyKey(wrongKey!);
        return await desk.RunAsync(tenant, name, key, cancellation) is { } submitted ? JobsApi.Answer(submitted, request.HttpContext.Response) : Problem.ScheduleNotFound(name);
    });

    /// <summary>POST /api/schedules/{name}/pause {reason, until?} → 200 with the schedule.</summary>
    public Task<IResult> PauseAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Operate, async (caller, tenant) =>
    {
        var (body, problem) = await RequestBody.ReadJsonAsync(request, MaxPauseBody, cancellation);
        if (body is null)
            return problem!;
        using (body)
        {
            var errors = new List<ContractError>();
            var (reason, until) = ScheduleRequest.ReadPause(body.RootElement, clock.GetUtcNow(), errors);
            if (errors.Count > 0)
                return Problem.InvalidRequest(errors);
            var by = Operator.Of(request, caller);
            if (await desk.PauseAsync(tenant, name, by, reason!, until, cancellation) is not { } paused)
                return Problem.ScheduleNotFound(name);
            LogPaused(name, tenant, by, until);
            return Show(request, paused);
        }
    });

    /// <summary>POST /api/schedules/{name}/resume → 200 with the schedule.</summary>
    public Task<IResult> ResumeAsync(HttpRequest request, string name, CancellationToken cancellation) => AnswerAsync(request, name, Scope.Operate, async (caller, tenant) =>
    {
        if (await desk.ResumeAsync(tenant, name, cancellation) is not { } resumed)
            return Problem.ScheduleNotFound(name);
        LogResumed(name, tenant, Operator.Of(request, caller));
        return Show(request, resumed);
    });

    /// <summary>GET /api/schedules?limit=&amp;cursor=, by name.</summary>
    public async Task<IResult> ListAsync(HttpRequest request, CancellationToken cancellation)
    {
        var (caller, refusal) = admission.Ask(request, Scope.Read);
        if (caller is null)
            return refusal!;
        if (request.Query.Keys.FirstOrDefault(key => key is not ("limit" or "cursor")) is not null)
            return Problem.InvalidQuery("expected no other parameters than limit and cursor.");
        var limit = DefaultLimit;
        if (request.Query["limit"] is [{ } limitText] && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
            return Problem.InvalidQuery($"limit is a whole number from 1 to {MaxLimit}.");
        string? after = null;
        if (request.Query["cursor"] is [{ } cursor] && ((after = Decode(cursor)) is null || !ScheduleTable.IsWithin(after, caller.Tenant)))
            return Problem.InvalidQuery("cursor is none that came from here: take the one of the page before as it is.");
        try
        {
            var (schedules, next) = await table.ListAsync(caller.Tenant, after, limit, cancellation);
            var now = clock.GetUtcNow();
            return Results.Json(new ScheduleListView([.. schedules.Select(schedule => ScheduleView.Of(schedule, now, withPayload: false))], next is null ? null : Convert.ToHexStringLower(Encoding.ASCII.GetBytes(next))), ApiJson.Camel.ScheduleListView);
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.SchedulesUnavailable(retryAfterSeconds: 5);
        }
    }

    private IResult? Refuse(ScheduleDefinition definition)
    {
        if (TimeZones.Find(definition.TimeZone) is null)
            return TimeZones.HasData ? Problem.UnknownTimeZone(definition.TimeZone, TimeZones.Near(definition.TimeZone)) : Problem.TimeZoneDataMissing(definition.TimeZone);
        string? wrong = null;
        return definition.Cron is { } cron && CronExpression.Parse(cron, out wrong) is null ? Problem.InvalidCron(wrong!) : null;
    }

    private IResult NeverDue(ScheduleDefinition definition) => definition switch
    {
        { At: { } at } => Problem.AtInThePast(at, clock.GetUtcNow()),
        { Start: null, End: null } => Problem.CronNeverFires($"'{definition.Cron}' fits no date, this year or in the next 40."),
        _ => Problem.CronNeverFires($"'{definition.Cron}' fits no time between start (or now) and end."),
    };

    private IResult Show(HttpRequest request, Schedule schedule, int status = StatusCodes.Status200OK)
    {
        var view = ScheduleView.Of(schedule, clock.GetUtcNow(), withPayload: true);
        request.HttpContext.Response.Headers.ETag = view.Etag;
        if (status == StatusCodes.Status201Created)
            request.HttpContext.Response.Headers.Location = view.Links.Self;
        return Results.Json(view, ApiJson.Camel.ScheduleView, statusCode: status);
    }

    private static string? Decode(string cursor)
    {
        try
        {
            return cursor.Length is > 0 and <= 400 && Convert.FromHexString(cursor) is var bytes && Ascii.IsValid(bytes) ? Encoding.ASCII.GetString(bytes) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private async Task<IResult> AnswerAsync(HttpRequest request, string name, Scope scope, Func<Caller, string, Task<IResult>> answer)
    {
        var (caller, refusal) = admission.Ask(request, scope);
        if (caller is null)
            return refusal!;
        if (caller.SubmitsFor is not { } tenant)
            return Problem.TenantMissing(caller.Name);
        if (!ScheduleRequest.IsName(name))
            return Problem.InvalidScheduleName();
        try
        {
            return await answer(caller, tenant);
        }
        catch (TimeoutException)
        {
            return Problem.ScheduleContended();
        }
        catch (Exception away) when (StoreAway.Explains(away))
        {
            LogStoreAway(away);
            return Problem.SchedulesUnavailable(retryAfterSeconds: 5);
        }
    }

    [LoggerMessage(560, LogLevel.Error, "A request about schedules could not be answered: a store did not answer")]
    private partial void LogStoreAway(Exception failure);

    [LoggerMessage(561, LogLevel.Information, "Schedule {Schedule} of {Tenant} was paused by {By} until {Until:O}")]
    private partial void LogPaused(string schedule, string tenant, string by, DateTimeOffset? until);

    [LoggerMessage(562, LogLevel.Information, "Schedule {Schedule} of {Tenant} was resumed by {By}")]
    private partial void LogResumed(string schedule, string tenant, string by);
}
